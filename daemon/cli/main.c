#include "ssmctl.h"

int main(int argc, char **argv)
{
    return ssmctl_run(argc, argv, stdout, stderr);
}
