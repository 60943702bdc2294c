// SPDX-License-Identifier: BSD-2-Clause
// The flash image: what the boot copier will accept, and ELF files that are not firmware.
#include "firmware/tools/flash_image.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct tiny_elf {
    Elf32_Ehdr eh;
    Elf32_Phdr ph[2];
    uint8_t text[10];
};

static struct tiny_elf good(void)
{
    struct tiny_elf e = {.eh = {.e_type = ET_EXEC,
                                .e_machine = EM_RISCV,
                                .e_entry = 4,
                                .e_phoff = offsetof(struct tiny_elf, ph),
                                .e_phentsize = sizeof(Elf32_Phdr),
                                .e_phnum = 2},
                         .ph = {{.p_type = PT_LOAD,
                                 .p_offset = offsetof(struct tiny_elf, text),
                                 .p_paddr = 4,
                                 .p_filesz = 10,
                                 .p_memsz = 4000},
                                {.p_type = PT_NOTE, .p_offset = 0xffffff00, .p_filesz = 4096}},
                         .text = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}};
    memcpy(e.eh.e_ident, ELFMAG, SELFMAG);
    e.eh.e_ident[EI_CLASS] = ELFCLASS32;
    e.eh.e_ident[EI_DATA] = ELFDATA2LSB;
    return e;
}

static int build(const struct tiny_elf *e, size_t size, uint32_t **words, size_t *count)
{
    char err[128] = "";
    *words = NULL;
    const int rc = flash_image_build(e, size, words, count, err, sizeof(err));
    assert_true((rc == 0) == (err[0] == 0));
    return rc;
}

static void segments_become_words_with_length_and_crc(void **state)
{
    (void)state;
    const struct tiny_elf e = good();
    uint32_t *w;
    size_t n;
    assert_int_equal(build(&e, sizeof(e), &w, &n), 0);
    assert_int_equal(n, 4 + 4);
    assert_int_equal(w[0], 0x43565254);
    assert_int_equal(w[1], 4);
    assert_int_equal(w[3], 4);
    const uint32_t payload[] = {0, 0x04030201, 0x08070605, 0x00000a09};
    assert_memory_equal(w + 4, payload, sizeof(payload));
    assert_int_equal(w[2], flash_image_crc(payload, 4));
    free(w);
}

static void crc_is_the_ieee_one(void **state)
{
    (void)state;
    const uint32_t text[2] = {0x34333231, 0x38373635}; // "12345678"
    assert_int_equal(flash_image_crc(text, 2), 0x9ae0daaf);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    uint32_t *w;
    size_t n;
    struct tiny_elf e = good();
    for (size_t size = 0; size < offsetof(struct tiny_elf, text) + 10; size++)
        assert_true(build(&e, size, &w, &n) < 0); // cut anywhere
    e.eh.e_machine = EM_X86_64;
    assert_true(build(&e, sizeof(e), &w, &n) < 0);
    e = good();
    e.eh.e_ident[EI_CLASS] = ELFCLASS64;
    assert_true(build(&e, sizeof(e), &w, &n) < 0);
    e = good();
    e.ph[0].p_paddr = 0x50000000;
    assert_true(build(&e, sizeof(e), &w, &n) < 0);
    e = good();
    e.ph[0].p_filesz = 0xfffffff0;
    assert_true(build(&e, sizeof(e), &w, &n) < 0);
    e = good();
    e.eh.e_phoff = 0xfffffff0;
    assert_true(build(&e, sizeof(e), &w, &n) < 0);
    e = good();
    e.ph[0].p_type = PT_NULL;
    assert_true(build(&e, sizeof(e), &w, &n) < 0);
}

static int load(const void *data, size_t size)
{
    char path[] = "/tmp/flash-image-test-XXXXXX", err[256];
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "wb");
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
    uint32_t *w = NULL;
    size_t n = 0;
    const int rc = flash_image_load(path, &w, &n, err, sizeof(err));
    if (rc == 0)
        free(w);
    remove(path);
    return rc;
}

static void a_damaged_image_is_refused(void **state)
{
    (void)state;
    const struct tiny_elf e = good();
    uint32_t *w;
    size_t n;
    assert_int_equal(build(&e, sizeof(e), &w, &n), 0);
    assert_int_equal(load(w, n * 4), 0);
    assert_true(load(w, n * 4 - 4) < 0);
    assert_true(load(w, 8) < 0);
    w[5] ^= 0x100;
    assert_true(load(w, n * 4) < 0);
    w[5] ^= 0x100;
    w[1] = 0xffffffff;
    assert_true(load(w, n * 4) < 0);
    free(w);
    assert_int_equal(load(&e, sizeof(e)), 0);
    assert_true(load("", 0) < 0);
    char err[256];
    assert_true(flash_image_load("/nonexistent/firmware.elf", &w, &n, err, sizeof(err)) < 0);
    assert_non_null(strstr(err, "No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_become_words_with_length_and_crc),
        cmocka_unit_test(crc_is_the_ieee_one),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(a_damaged_image_is_refused),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("flash image", tests, NULL, NULL);
}
