#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# culvert-sim as a program: its options and errors, a clean stop, the same seed giving the same run, waveforms, coverage.
set -u
B=${B:-build}
sim=$B/bin/culvert-sim; debug=$B/bin/culvert-sim-debug; elf=$B/firmware/culvert.elf
t=$(mktemp -d); trap 'rm -rf "$t"' EXIT
fails=0
ok() { echo "ok - sim: $1"; }
no() { echo "not ok - sim: $1: $2"; fails=1; }
# name, wanted exit code, wanted text, command...
expect() {
    local name=$1 code=$2 text=$3 rc; shift 3
    timeout 60 "$@" >"$t/out" 2>&1 </dev/null; rc=$?
    if [ $rc != "$code" ]; then no "$name" "exit code $rc, not $code: $(tail -1 "$t/out")"
    elif ! grep -q -- "$text" "$t/out"; then no "$name" "no \"$text\" in: $(head -2 "$t/out" | tr '\n' ' ')"
    else ok "$name"; fi
}
expect "--help explains and exits 0" 0 "usage: culvert-sim" $sim --help
expect "an unknown option is named" 2 "bogus" $sim --bogus
expect "a stray word is named" 2 '"stray"' $sim stray
expect "a bad number is named" 2 '"12x"' $sim --cycles 12x
expect "a bad port is named with what is expected" 1 'port "tun:x": expected tap:NAME' $sim --port0 tun:x
expect "a capture that is none is refused" 1 "pcap:/dev/null" $sim --port1 pcap:/dev/null
expect "missing firmware is named" 1 "/nonexistent" $sim --firmware /nonexistent
head -c 5000 /dev/urandom >"$t/garbage"
expect "firmware that is neither ELF nor image is refused" 1 "garbage" $sim --firmware "$t/garbage"
expect "a socket path that is too long is refused" 1 "socket" $sim --socket "/tmp/$(printf 'x%.0s' {1..200})"
expect "the card boots its firmware" 0 "boot: ready" $sim --firmware "$elf" --free-run --cycles 300000

# An image that was damaged after it was made: a flash image whose CRC is wrong never starts.
if "$B/bin/mkflash" "$elf" "$t/image" 2>"$t/out" || "$B/tools/mkflash" "$elf" "$t/image" 2>>"$t/out"; then
    printf '\xff' | dd of="$t/image" bs=1 seek=3000 conv=notrunc status=none
    expect "a damaged flash image is refused" 1 "CRC" $sim --firmware "$t/image" --free-run --cycles 1000
else no "a damaged flash image is refused" "mkflash: $(tail -1 "$t/out")"; fi

# Frames from a capture: 200 of them, counted by the simulator; the card is not enabled, so none comes out.
frames() { # a pcap of n frames, microsecond format
    printf '\xd4\xc3\xb2\xa1\x02\x00\x04\x00\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0'
    for ((i = 0; i < $1; i++)); do
        printf '\0\0\0\0\0\0\0\0\x3c\0\0\0\x3c\0\0\0'
        printf '\x02\0\0\0\0\x01\x02\0\0\0\0\x09\x08\0'; head -c 46 /dev/zero
    done
}
frames 200 >"$t/in.pcap"
run() { timeout 60 $sim --firmware "$elf" --free-run --cycles 300000 --port1 "pcap:$t/in.pcap,$t/out.pcap" --pcap1 "$t/cap.pcap" --seed "$1" --stats "$t/$2" --uart "$t/uart" --quiet; }
run 5 a; run 5 b; run 6 c
field() { grep -o "\"$2\": *[0-9]*" "$t/$1" | head -"${3:-1}" | tail -1 | grep -o '[0-9]*$'; }
# The second rx_frames is the inside port's.
[ "$(field a rx_frames 2)" = 200 ] && ok "every frame of a capture enters the card once" || no "every frame of a capture enters the card once" "$(field a rx_frames 2) of 200"
[ "$(field a tx_frames 2)" = 0 ] && ok "a card that is not enabled sends nothing" || no "a card that is not enabled sends nothing" "$(field a tx_frames 2)"
strip() { grep -v 'seconds\|khz\|pace' "$t/$1"; }
if [ "$(strip a)" = "$(strip b)" ] && [ -n "$(strip a)" ]; then ok "the same seed gives the same run, to the instruction"; else no "the same seed gives the same run, to the instruction" "$(diff "$t/a" "$t/b" | head -3 | tr '\n' ' ')"; fi
[ "$(stat -c %s "$t/cap.pcap")" = $((24 + 200 * 76)) ] && ok "the capture holds every frame" || no "the capture holds every frame" "$(stat -c %s "$t/cap.pcap") bytes"
grep -q "boot: ready" "$t/uart" && ok "serial output goes to a file" || no "serial output goes to a file" "it has $(wc -l <"$t/uart") lines"

# Stopping.
$sim --firmware "$elf" --socket "$t/sock" --stats "$t/s" --quiet 2>/dev/null & pid=$!
for _ in $(seq 600); do [ -S "$t/sock" ] && break; sleep 0.05; done
[ -S "$t/sock" ] && ok "the socket is there" || no "the socket is there" "after 30 s it is not"
kill -USR1 $pid; for _ in $(seq 600); do [ -s "$t/s" ] && break; sleep 0.05; done
grep -q '"paced"' "$t/s" && ok "SIGUSR1 writes statistics and goes on" || no "SIGUSR1 writes statistics and goes on" "none"
rm -f "$t/s"; kill -TERM $pid; wait $pid; rc=$?
if [ $rc = 0 ] && [ ! -e "$t/sock" ] && [ -s "$t/s" ]; then ok "SIGTERM stops it cleanly, with statistics"; else no "SIGTERM stops it cleanly, with statistics" "exit code $rc"; fi

expect "without the debug build a waveform is an error" 1 "culvert-sim-debug" $sim --free-run --cycles 1000 --trace "$t/x.fst"
expect "the debug build writes a waveform and coverage" 0 "boot: ready" $debug --firmware "$elf" --free-run --cycles 120000 --trace "$t/w.fst,500,1500" --coverage "$t/cov"
[ "$(stat -c %s "$t/w.fst" 2>/dev/null || echo 0)" -gt 20000 ] && ok "the waveform has content" || no "the waveform has content" "$(ls -l "$t")"
n=$(grep -c 'hw/rtl/mgmt/rv_decode' "$t/cov" 2>/dev/null)
[ "${n:-0}" -gt 20 ] && ok "coverage names the core's lines" || no "coverage names the core's lines" "$n lines of the decoder"
exit $fails
