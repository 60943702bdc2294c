#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Answers of HTTP servers, one a file, in the folder $1.
set -eu
say() { printf '%b' "$2" >"$to/$1"; }
to=$1
say length 'HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\nContent-Length: 5\r\n\r\nhello'
say close 'HTTP/1.0 200 OK\r\n\r\nall until the end'
say chunks 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nyou\r\n0\r\nTrailer: a\r\n\r\n'
say continue 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
say moved 'HTTP/1.1 301 Moved Permanently\r\nLocation: http://127.0.0.1/\r\n\r\n'
say missing 'HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n'
say short 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ntoo little'
say long 'HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\ntoo much'
say big "HTTP/1.1 200 OK\r\n\r\n$(printf '%0600d' 0)"
