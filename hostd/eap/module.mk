# SPDX-License-Identifier: BSD-2-Clause
# EAP: everything that a program needs besides EAP_LIBS and the list, map and buffers of hostd/util.
EAP_SRCS := $(addprefix hostd/eap/,eap_cert.c eap_codec.c eap_gtc.c eap_guard.c eap_hub.c eap_legacy.c eap_local.c \
    eap_machine.c eap_md5.c eap_ms.c eap_mschap.c eap_tls.c)
EAP_LIBS := -lcrypto -lssl
