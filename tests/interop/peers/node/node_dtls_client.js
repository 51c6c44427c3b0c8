#!/usr/bin/env node
// A DTLS client on node-dtls-client for the conversations of tests/interop: what comes on standard input goes out as one
// record a read, and each record that arrives goes to standard output. So rawcoap.py drives it like openssl s_client.
//
// node-dtls-client (beneath node-coap-client) knows PSK alone, has no extended master secret, writes random explicit
// nonces and does not repeat a flight that was lost.
"use strict";
const { parseArgs } = require("util");
const { dtls } = require("node-dtls-client");

const { values: options, positionals: [address, port] } = parseArgs({
    allowPositionals: true,
    options: { identity: { type: "string" }, psk: { type: "string" }, version: { type: "boolean" } },
});
if (options.version) {
    console.log(`node-dtls-client ${require("node-dtls-client/package.json").version}`);
    process.exit(0);
}
if (!options.identity || !options.psk || !port) {
    console.error("usage: node_dtls_client.js --identity NAME --psk HEX ADDRESS PORT");
    process.exit(2);
}

const socket = dtls.createSocket({
    type: address.includes(":") ? "udp6" : "udp4",
    address,
    port: Number(port),
    psk: { [options.identity]: Buffer.from(options.psk, "hex").toString("ascii") },
    timeout: 10000,
    ciphers: ["TLS_PSK_WITH_AES_128_CCM_8"],
});
socket.on("connected", () => {
    console.error("connected");
    process.stdin.on("data", (data) => socket.send(data));
    process.stdin.on("end", () => socket.close());
});
socket.on("message", (data) => process.stdout.write(data));
socket.on("close", () => process.exit(0));
socket.on("error", (error) => {
    console.error(`node_dtls_client: ${error.message}`);
    process.exit(1);
});
