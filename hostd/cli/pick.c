// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/cli/pick.h"

#include <string.h>

struct pick {
    struct list of;
    bool children;
    struct ip_addr local, remote; // family 0: all
    uint32_t session;             // 0: all
};

static bool pick_one(void *arg, const struct ike_sa_info *sa)
{
    struct pick *p = arg;
    bool fits = (p->remote.family == 0 || ip_equal(&p->remote, &sa->path.remote)) &&
                (p->local.family == 0 || ip_equal(&p->local, &sa->path.local)) &&
                (p->session == 0 || p->session == sa->session);
    if (fits && !p->children) {
        return list_add(&p->of, (void *)(uintptr_t)sa->session);
    }
    for (uint32_t i = 0; fits && i < sa->n_child; i++) {
        if (!list_add(&p->of, (void *)(uintptr_t)sa->child[i]->spi_in)) {
            return false;
        }
    }
    return true;
}

struct list pick(const struct exec *x, const struct args *a, bool children)
{
    struct pick p = {.children = children, .session = args_number(a, "session", 0)};
    bool local = strcmp(args_text(a, "side"), "local") == 0;
    *(local ? &p.local : &p.remote) = conf_arg_addr(a, "addr", "addr6");
    ike_show(exec_daemon(x)->ike, pick_one, &p);
    return p.of;
}

uint32_t pick_at(const struct list *picked, size_t i)
{
    return (uint32_t)(uintptr_t)picked->at[i];
}

void pick_done(struct exec *x, struct list *picked, size_t done)
{
    json_int_t refused = (json_int_t)(picked->n - done);
    list_free(picked);
    glue_rearm(exec_daemon(x));
    exec_done(x, json_pack("{s:I, s:I}", "done", (json_int_t)done, "refused", refused));
}

void pick_render(struct str *out, const json_t *data)
{
    str_addf(out, "%lld done", show_number(data, "done"));
    if (show_number(data, "refused") > 0) {
        str_addf(out, ", %lld not in a state for it", show_number(data, "refused"));
    }
    str_add(out, "\n");
}
