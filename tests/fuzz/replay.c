/*
 * Runs a fuzz target over the files of the directories given, without libFuzzer. A directory that is missing
 * or empty is a failure: a test that tries nothing must not pass.
 */
#include "fuzz.h"

#include <dirent.h>

enum { INPUT_MAX = 1 << 20, PATH_LEN = 4096 };

static void replay_file(const char *path)
{
    static uint8_t input[INPUT_MAX];
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    size_t len = fread(input, 1, sizeof input, file);
    fclose(file);
    uint8_t *copy = fuzz_copy(input, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static size_t replay_directory(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    char file[PATH_LEN];
    size_t count = 0;

    if (directory == NULL) {
        perror(path);
        exit(1);
    }
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        replay_file(file);
        count++;
    }
    closedir(directory);
    return count;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s DIRECTORY...\n", argv[0]);
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        size_t count = replay_directory(argv[i]);
        printf("%s: %zu inputs\n", argv[i], count);
        if (count == 0)
            return 1;
    }
    return 0;
}
