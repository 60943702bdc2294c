# SPDX-License-Identifier: BSD-2-Clause
# Certificates: everything that a program needs besides hostd/conf's model and hostd/util, -lcrypto, -luv, -lhttp_parser.
PKI_SRCS := $(addprefix hostd/pki/,cache.c cert.c certmap.c fetch.c known.c material.c pki.c revoke.c \
    trustpoint.c verify.c) hostd/ike/ike_cred.c
PKI_LIBS := -lcrypto -lhttp_parser -luv
