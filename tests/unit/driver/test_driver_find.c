// SPDX-License-Identifier: BSD-2-Clause
// Finding cards, and what VFIO can be asked without a card: configuration space through libpci's dump access, and the
// sentence that each missing piece of the way to a device gives. And the command line in front of it.
#include "driver/card_cli.h"
#include "driver/culvert.h"
#include "driver/transport.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

// As `lspci -xxx` prints them: a bridge, two cards (the later address first), and a card's vendor with another device.
static const char dump_text[] = "00:1c.0 PCI bridge\n"
                                "00: 86 80 10 9d 07 04 10 00 f1 00 04 06 00 00 81 00\n"
                                "\n"
                                "03:00.0 Network controller: a card\n"
                                "00: 50 1d 17 c0 06 04 10 00 02 00 80 02 00 00 00 00\n"
                                "10: 04 00 00 f0 00 00 00 00 00 00 00 00 00 00 00 00\n"
                                "20: 00 00 00 00 00 00 00 00 00 00 00 00 50 1d 17 c0\n"
                                "30: 00 00 00 00 40 00 00 00 00 00 00 00 ff 00 00 00\n"
                                "40: 10 60 02 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
                                "50: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n"
                                "60: 11 00 03 00 00 10 00 00 00 18 00 00 00 00 00 00\n"
                                "\n"
                                "01:00.0 Network controller: a card without MSI-X\n"
                                "00: 50 1d 17 c0 06 04 00 00 01 00 80 02 00 00 00 00\n"
                                "30: 00 00 00 00 00 00 00 00 00 00 00 00 ff 00 00 00\n"
                                "\n"
                                "04:00.0 Serial bus controller\n"
                                "00: 50 1d 18 c0 06 04 10 00 02 00 80 02 00 00 00 00\n";

static char *file_with(const char *text)
{
    char *path = strdup("/tmp/culvert-dump-XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

struct found {
    struct culvert_found at[8];
    int count;
};

static void keep(void *arg, const struct culvert_found *f)
{
    struct found *all = arg;
    assert_true(all->count < 8);
    all->at[all->count++] = *f;
}

static void cards_are_found_in_a_configuration_dump(void **state)
{
    (void)state;
    char *path = file_with(dump_text), err[CULVERT_ERR_MAX] = "";
    struct found all = {.count = 0};
    assert_int_equal(culvert_list(path, keep, &all, err, sizeof(err)), 2);
    assert_int_equal(all.count, 2);
    assert_string_equal(all.at[0].address, "0000:01:00.0");
    assert_string_equal(all.at[1].address, "0000:03:00.0");
    assert_int_equal(all.at[1].vendor, 0x1d50);
    assert_int_equal(all.at[1].device, 0xc017);
    assert_int_equal(all.at[1].revision, 2);
    assert_true(all.at[1].msix); // second in the capability list
    assert_false(all.at[0].msix);
    assert_int_equal(all.at[1].iommu_group, -1);
    remove(path);
    free(path);
}

static void a_dump_that_is_none_is_an_error_not_an_exit(void **state)
{
    (void)state;
    char err[CULVERT_ERR_MAX] = "";
    struct found all = {.count = 0};
    assert_true(culvert_list("/nonexistent/dump", keep, &all, err, sizeof(err)) < 0);
    assert_non_null(strstr(err, "/nonexistent/dump"));
    char *path = file_with("03:00.0 cut\n00: 50 1d zz c0\n");
    err[0] = 0;
    const int n = culvert_list(path, keep, &all, err, sizeof(err));
    assert_true(n <= 0);
    assert_int_equal(all.count, 0);
    remove(path);
    free(path);
    path = file_with("");
    assert_true(culvert_list(path, keep, &all, err, sizeof(err)) <= 0);
    remove(path);
    free(path);
}

// ---------------------------------------------------------------- VFIO

struct place {
    char root[64], sysfs[80], dev[80], device[160];
};

static void run(const char *format, const char *a, const char *b)
{
    char command[512];
    snprintf(command, sizeof(command), format, a, b);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): paths of our own
}

static struct place place_new(void)
{
    struct place p;
    strcpy(p.root, "/tmp/culvert-vfio-XXXXXX");
    assert_non_null(mkdtemp(p.root));
    snprintf(p.sysfs, sizeof(p.sysfs), "%s/sys", p.root);
    snprintf(p.dev, sizeof(p.dev), "%s/dev", p.root);
    snprintf(p.device, sizeof(p.device), "%s/bus/pci/devices/0000:01:00.0", p.sysfs);
    run("mkdir -p '%s/bus/pci/devices' '%s'", p.sysfs, p.dev);
    return p;
}

static void want(const struct place *p, const char *why)
{
    char err[300] = "";
    assert_null(culvert_vfio_open("0000:01:00.0", p->sysfs, p->dev, err, sizeof(err)));
    if (strncmp(err, "0000:01:00.0: ", 14) != 0 || !strstr(err, why))
        fail_msg("expected \"%s\", the sentence is: %s", why, err);
}

static void each_missing_piece_of_vfio_has_its_sentence(void **state)
{
    (void)state;
    const struct place p = place_new();
    want(&p, "no such PCI device");
    run("mkdir -p '%s'%s", p.device, "");
    want(&p, "is the IOMMU switched on");
    run("ln -s ../../../../kernel/iommu_groups/7 '%s/iommu_group'%s", p.device, "");
    want(&p, "is the vfio-pci module loaded?");
    run("touch '%s/vfio'%s", p.dev, "");
    want(&p, "is not a VFIO container");
    run("rm '%s/vfio' && mkdir '%s/vfio'", p.dev, p.dev);
    want(&p, "Is a directory");
    run("rm -r '%s'%s", p.root, "");
}

// ---------------------------------------------------------------- command line

static void list_as_text_and_json(void **state)
{
    (void)state;
    char *path = file_with(dump_text), *out = NULL;
    struct card_cli cli = {.dump = path};
    assert_int_equal(card_cli_list(&cli, &out), 0);
    assert_non_null(strstr(out, "0000:01:00.0   rev 01  driver none        (no MSI-X capability)\n"));
    assert_non_null(strstr(out, "0000:03:00.0   rev 02  driver none      \n"));
    free(out);
    cli.json = true;
    assert_int_equal(card_cli_list(&cli, &out), 0);
    json_t *root = json_loads(out, 0, NULL);
    assert_int_equal(json_array_size(root), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(root, 1), "address")), "0000:03:00.0");
    assert_true(json_is_true(json_object_get(json_array_get(root, 1), "msix")));
    json_decref(root);
    free(out);
    remove(path);
    free(path);
    path = file_with("00:1c.0 PCI bridge\n00: 86 80 10 9d 07 04 10 00 f1 00 04 06 00 00 81 00\n");
    cli = (struct card_cli){.dump = path};
    assert_int_equal(card_cli_list(&cli, &out), 0);
    assert_string_equal(out, "no card found on the PCI bus\n");
    free(out);
    remove(path);
    free(path);
    cli.dump = "/nonexistent/dump";
    assert_int_equal(card_cli_list(&cli, &out), 1);
    assert_non_null(strstr(out, "/nonexistent/dump"));
    free(out);
}

static void a_card_that_cannot_be_reached_is_a_sentence(void **state)
{
    (void)state;
    char *out = NULL;
    struct card_cli cli = {.device = "vfio-user:/nonexistent/card.sock"};
    assert_int_equal(card_cli_info(&cli, &out), 1);
    assert_string_equal(out, "vfio-user:/nonexistent/card.sock: No such file or directory\n");
    free(out);
    assert_int_equal(card_cli_counters(&cli, &out), 1);
    free(out);
    assert_int_equal(card_cli_reset(&cli, &out), 1);
    free(out);
    cli.device = NULL;
    assert_int_equal(card_cli_info(&cli, &out), 1);
    assert_non_null(strstr(out, "which card?"));
    free(out);
}

static void wrong_usage_is_exit_code_2(void **state)
{
    (void)state;
    char *none[] = {(char *)"card", NULL}, *verb[] = {(char *)"card", (char *)"explode", NULL},
         *option[] = {(char *)"card", (char *)"info", (char *)"--fast", NULL},
         *cut[] = {(char *)"card", (char *)"info", (char *)"--device", NULL};
    fflush(stderr);
    const int kept = dup(STDERR_FILENO);
    assert_non_null(freopen("/dev/null", "w", stderr));
    const int rc[] = {culvert_card_main(1, none), culvert_card_main(2, verb), culvert_card_main(3, option),
                      culvert_card_main(3, cut)};
    fflush(stderr);
    assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    close(kept);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(rc[i], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cards_are_found_in_a_configuration_dump),
        cmocka_unit_test(a_dump_that_is_none_is_an_error_not_an_exit),
        cmocka_unit_test(each_missing_piece_of_vfio_has_its_sentence),
        cmocka_unit_test(list_as_text_and_json),
        cmocka_unit_test(a_card_that_cannot_be_reached_is_a_sentence),
        cmocka_unit_test(wrong_usage_is_exit_code_2),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("driver: discovery", tests, NULL, NULL);
}
