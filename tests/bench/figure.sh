# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Prints figures in the form of figures.jsonl, as figure.h does for programs.
#   figure_samples NAME UNIT MODE PARAMS PEER SAMPLE...   the value is the median; PARAMS: a JSON object; PEER: one or ""
#   median SAMPLE...
median() { printf '%s\n' "$@" | sort -g | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'; }
figure_samples() {
    local name=$1 unit=$2 mode=$3 params=$4 peer=$5 m low high
    shift 5
    [ $# -ge 5 ] || { echo "$name $params: only $# samples" >&2; return 1; }
    m=$(median "$@")
    low=$(printf '%s\n' "$@" | sort -g | head -1)
    high=$(printf '%s\n' "$@" | sort -g | tail -1)
    printf '{"figure":"%s","value":%s,"unit":"%s","mode":"%s","params":%s,"min":%s,"median":%s,"max":%s%s}\n' \
        "$name" "$m" "$unit" "$mode" "$params" "$low" "$m" "$high" "${peer:+,\"peer\":$peer}"
}
