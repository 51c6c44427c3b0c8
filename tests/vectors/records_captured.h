/*
 * DTLS 1.2 records of epoch 1 under TLS_PSK_WITH_AES_128_CCM_8, captured from real stacks on 2026-11-21.
 *
 * How: client and server ran on loopback with a UDP forwarder between them that noted every datagram; the
 * master secret came from the stack's own key log (openssl -keylogfile, SSLKEYLOGFILE for GnuTLS), and the
 * key block from it with the PRF of RFC 5246 6.3 over SHA-256, in a script of its own. The PSK was a
 * throw-away. Versions: OpenSSL 3.0.22, GnuTLS 3.7.9, libcoap 4.3.1 (Debian 12). The libcoap clients talked
 * to openssl s_server.
 */
#ifndef SSM_RECORDS_CAPTURED_H
#define SSM_RECORDS_CAPTURED_H

/* key and iv are the sender's client_write or server_write values; record is the whole record from its type
 * on. */
static const struct record_vector {
    const char *name, *key, *iv, *record, *plain;
} RECORDS_CAPTURED[] = {
    {"openssl s_client: Finished", "22dcf810e1c0c434d41b71774f2750a4", "640d3c05",
     "16fefd000100000000000000280001000000000000b5442b8f02bcaef3db323f32c43a8bb16304a4dbd1fed3aea923b9"
     "67e552bc38",
     "1400000c000300000000000cb0245aac0cbf9c2551b31772"},
    {"openssl s_server: Finished", "a10e5d94f24647a474db0981c2ffe32d", "57eefd53",
     "16fefd000100000000000000280001000000000000abce382ebcbcb89e69933ca950e170402eef9e8f06f7ecc2426066"
     "fa02706f4b",
     "1400000c000400000000000c5b825356bea4367105f1925f"},
    {"openssl s_client: application data", "22dcf810e1c0c434d41b71774f2750a4", "640d3c05",
     "17fefd00010000000000010024000100000000000171028d27e1e243f95f573be04a4740504c14de79db2bc31bb64f57"
     "4e",
     "68656c6c6f2066726f6d20735f636c69656e740a"},
    {"openssl s_server: application data", "a10e5d94f24647a474db0981c2ffe32d", "57eefd53",
     "17fefd0001000000000001001d000100000000000182bd1c8215045b9257ed61141018200db6ce5277be",
     "32312e3520646567726565730a"},
    {"openssl s_client: alert", "22dcf810e1c0c434d41b71774f2750a4", "640d3c05",
     "15fefd0001000000000002001200010000000000023d086f41c66ca8eae00a", "0100"},
    {"openssl s_server: alert", "a10e5d94f24647a474db0981c2ffe32d", "57eefd53",
     "15fefd0001000000000002001200010000000000024a1afe8cb7317b557f7d", "0100"},
    {"gnutls-cli: Finished", "73ff469a5cc492bc6d508783f956dcb5", "95640953",
     "16fefd00010000000000000028000100000000000061985dd3c22149c4d42b9b21b48be5e06a1316e6c99b1c196bf5ba"
     "70f0126068",
     "1400000c000300000000000ce30d8f133667609b6cb1967b"},
    {"gnutls-serv: Finished", "897aba9f21045adb3517f09d4e8b9b46", "a60714d7",
     "16fefd000100000000000000280001000000000000375461ce26b13a5f8c5869bf72d8bd30b3bfb2403be576b8af32fa"
     "e1b470ebb8",
     "1400000c000400000000000ce9ad88944f7ee7ae1ffbfb3a"},
    {"gnutls-cli: application data", "73ff469a5cc492bc6d508783f956dcb5", "95640953",
     "17fefd000100000000000100260001000000000001dc4cdfbf4bb052e30225c0a42b26bde392bc77d4835ed4905b34b1"
     "726c09",
     "68656c6c6f2066726f6d20676e75746c732d636c690a"},
    {"gnutls-serv: application data", "897aba9f21045adb3517f09d4e8b9b46", "a60714d7",
     "17fefd000100000000000100260001000000000001ce1ed32ad56e25b0c2bde7cecd5092050d6e1005cc6443b814d597"
     "3514c9",
     "68656c6c6f2066726f6d20676e75746c732d636c690a"},
    {"gnutls-cli: alert", "73ff469a5cc492bc6d508783f956dcb5", "95640953",
     "15fefd00010000000000020012000100000000000243d4f6db32ea1724dd1f", "0100"},
    {"coap-client-openssl: Finished", "52668a9bf6e09787bfd89162abb07c86", "46a549c1",
     "16fefd0001000000000000002800010000000000006d7f552e3c2e3f9fd248631b01bdfad54bc3e700fd70af1a3565b0"
     "297c5af936",
     "1400000c000300000000000ca3287a878ffbfe66682ac0c0"},
    {"coap-client-openssl: application data", "52668a9bf6e09787bfd89162abb07c86", "46a549c1",
     "17fefd00010000000000010024000100000000000114f6612131ab0a3c99ce578757991ac626d96bac2ba1ef66d126e3"
     "01",
     "4101965e01721bdc4b74656d7065726174757265"},
    {"coap-client-openssl: alert", "52668a9bf6e09787bfd89162abb07c86", "46a549c1",
     "15fefd000100000000000200120001000000000002f72c746a61dd65ab00f1", "0100"},
    {"coap-client-gnutls: Finished", "202c27640954cecb8f2216394875d999", "edc930d0",
     "16fefd000100000000000000280001000000000000c9ef6a47aa9b33e661cc3d7c9f89cca723c7afc7449bd4f177dd8b"
     "5ccba6075c",
     "1400000c000300000000000c3faf48a5a67d04dbf172b219"},
    {"coap-client-gnutls: application data", "202c27640954cecb8f2216394875d999", "edc930d0",
     "17fefd0001000000000001002400010000000000018c7c52528849463e40ace3cc292db1d6232ec0679047677a70101b"
     "4c",
     "4101570d01721be64b74656d7065726174757265"},
    {"coap-client-gnutls: alert", "202c27640954cecb8f2216394875d999", "edc930d0",
     "15fefd000100000000000200120001000000000002b0c019cfce2a7eccdb2e", "0100"},
};

#endif
