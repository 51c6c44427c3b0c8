/* A DTLS client on wolfSSL for the conversations of tests/interop: rawcoap.py drives it like openssl
 * s_client. */
#include "peer_socket.h"
#include "wolfssl_peer.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
    const char *host;
    const char *port;
    struct peer_files files;
    const char *server_name;
    int max_fragment;
};

static _Noreturn void usage(void)
{
    fputs("usage: wolfssl_client --ca FILE [--cert FILE --cert-key FILE] [--server-name NAME]\n"
          "                      [--max-fragment 512|1024|2048|4096] HOST PORT\n"
          "       wolfssl_client --version\n",
          stderr);
    exit(2);
}

static void options_read(struct options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"cert", required_argument, NULL, 'c'},
        {"cert-key", required_argument, NULL, 'k'},
        {"ca", required_argument, NULL, 'a'},
        {"server-name", required_argument, NULL, 's'},
        {"max-fragment", required_argument, NULL, 'm'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'c':
            options->files.certificate = optarg;
            break;
        case 'k':
            options->files.key = optarg;
            break;
        case 'a':
            options->files.ca = optarg;
            break;
        case 's':
            options->server_name = optarg;
            break;
        case 'm':
            options->max_fragment = atoi(optarg);
            break;
        case 'v':
            printf("wolfSSL %s\n", wolfSSL_lib_version());
            exit(0);
        default:
            usage();
        }
    }
    if (optind + 2 != argc || options->files.ca == NULL) {
        usage();
    }
    options->host = argv[optind];
    options->port = argv[optind + 1];
}

static int max_fragment_code(int len)
{ // RFC 6066 4
    switch (len) {
    case 512:
        return WOLFSSL_MFL_2_9;
    case 1024:
        return WOLFSSL_MFL_2_10;
    case 2048:
        return WOLFSSL_MFL_2_11;
    case 4096:
        return WOLFSSL_MFL_2_12;
    default:
        usage();
    }
}

static void session_configure(WOLFSSL *ssl, const struct options *options)
{
    if (options->server_name != NULL &&
        wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, options->server_name,
                       (unsigned short)strlen(options->server_name)) != WOLFSSL_SUCCESS) {
        errx(1, "wolfSSL_UseSNI");
    }
    if (options->max_fragment != 0 &&
        wolfSSL_UseMaxFragment(ssl, (unsigned char)max_fragment_code(options->max_fragment)) !=
            WOLFSSL_SUCCESS) {
        errx(1, "wolfSSL_UseMaxFragment");
    }
}

int main(int argc, char **argv)
{
    struct options options = {0};
    options_read(&options, argc, argv);
    int fd = peer_socket_connect(options.host, options.port);
    wolfSSL_Init();
    WOLFSSL_CTX *context = peer_context_make(wolfDTLSv1_2_client_method(), &options.files);
    WOLFSSL *ssl = peer_session_make(context, &fd);
    session_configure(ssl, &options);
    bool is_well = peer_shake_hands(ssl, fd) && peer_converse(ssl, fd, -1);
    if (is_well)
        wolfSSL_shutdown(ssl);
    wolfSSL_free(ssl);
    wolfSSL_CTX_free(context);
    wolfSSL_Cleanup();
    close(fd);
    return is_well ? 0 : 1;
}
