#!/usr/bin/env bash
# The search of 30-key-search.sh, for a peer with a certificate.
exec "$(dirname "$0")/30-key-search.sh" certificate
