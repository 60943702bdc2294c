# SPDX-License-Identifier: BSD-2-Clause
# IKEv2: everything that a program needs besides -lcrypto.
IKE_SRCS := $(addprefix hostd/ike/,ike_auth.c ike_build.c ike_child.c ike_codec.c ike_config.c ike_cookie.c ike_cp.c \
    ike_create.c ike_crypto.c ike_dh.c ike_engine.c ike_frag.c ike_half.c ike_id.c ike_info.c ike_init.c ike_job.c \
    ike_msg.c ike_names.c ike_nat.c ike_proposal.c ike_rekey.c ike_sa.c ike_show.c ike_table.c ike_task.c ike_timer.c \
    ike_ts.c)
