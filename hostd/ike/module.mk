# SPDX-License-Identifier: BSD-2-Clause
# IKEv2: everything that a program needs besides -lcrypto.
IKE_SRCS := $(addprefix hostd/ike/,ike_auth.c ike_auth_i.c ike_auth_r.c ike_build.c ike_child.c ike_codec.c ike_config.c ike_cookie.c ike_cp.c \
    ike_cp_codec.c ike_create.c ike_cred.c ike_crypto.c ike_dh.c ike_eap.c ike_engine.c ike_frag.c ike_half.c ike_id.c ike_info.c ike_init.c ike_job.c \
    ike_msg.c ike_names.c ike_nat.c ike_proposal.c ike_rekey.c ike_sa.c ike_show.c ike_sign.c ike_table.c ike_task.c ike_timer.c \
    ike_ts.c)
# Extensions, each in a file of its own.
IKE_SRCS += $(addprefix hostd/ike/,ike_ext.c ike_mobike.c ike_notice.c ike_ppk.c ike_redirect.c ike_resume.c ike_successor.c ike_window.c)
