/* The socket of a client of ours: connected, so that it hears one server alone, and non-blocking. */
#ifndef SSM_TEST_PEER_SOCKET_H
#define SSM_TEST_PEER_SOCKET_H

/* An address and a port in figures; ends the process if there is none. */
int peer_socket_connect(const char *host, const char *port);

#endif
