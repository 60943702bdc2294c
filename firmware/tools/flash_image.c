// SPDX-License-Identifier: BSD-2-Clause
#include "firmware/tools/flash_image.h"

#include "mgmt_regs.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM_MAX  (16u << 20) // larger than any core's memory; bounds what a broken file can ask for
#define FILE_MAX (64l << 20)

__attribute__((format(printf, 4, 5))) static int fail(char *err, size_t err_size, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err, err_size, format, args);
    va_end(args);
    return code;
}

uint32_t flash_image_crc(const uint32_t *words, size_t count)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        crc ^= words[i];
        for (int bit = 0; bit < 32; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

// The i-th program header, bounds checked. false: beyond the file.
static int segment(const uint8_t *elf, size_t size, const Elf32_Ehdr *eh, unsigned i, Elf32_Phdr *ph)
{
    const uint64_t at = (uint64_t)eh->e_phoff + (uint64_t)i * eh->e_phentsize;
    if (at + sizeof(*ph) > size)
        return 0;
    memcpy(ph, elf + at, sizeof(*ph));
    return ph->p_type != PT_LOAD || (uint64_t)ph->p_offset + ph->p_filesz <= size;
}

// End of what the file loads, in bytes; 0 with err set on an error.
static uint32_t payload_end(const uint8_t *elf, size_t size, const Elf32_Ehdr *eh, char *err, size_t err_size)
{
    uint32_t end = 0;
    for (unsigned i = 0; i < eh->e_phnum; i++) {
        Elf32_Phdr ph;
        if (!segment(elf, size, eh, i, &ph)) {
            fail(err, err_size, 0, "segment %u lies outside the file", i);
            return 0;
        }
        if (ph.p_type != PT_LOAD || !ph.p_filesz)
            continue;
        if (ph.p_paddr > RAM_MAX || ph.p_filesz > RAM_MAX) {
            fail(err, err_size, 0, "segment %u at 0x%08x is not in the core's memory", i, ph.p_paddr);
            return 0;
        }
        if (ph.p_paddr + ph.p_filesz > end)
            end = ph.p_paddr + ph.p_filesz;
    }
    if (!end)
        fail(err, err_size, 0, "nothing to load");
    return end;
}

int flash_image_build(const void *elf, size_t elf_size, uint32_t **words, size_t *count, char *err, size_t err_size)
{
    Elf32_Ehdr eh;
    if (!elf || elf_size < sizeof(eh))
        return fail(err, err_size, -EINVAL, "too short for an ELF header");
    memcpy(&eh, elf, sizeof(eh));
    if (memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_ident[EI_CLASS] != ELFCLASS32 ||
        eh.e_ident[EI_DATA] != ELFDATA2LSB || eh.e_machine != EM_RISCV || eh.e_type != ET_EXEC)
        return fail(err, err_size, -EINVAL, "not a 32-bit little-endian RISC-V executable");
    const uint32_t bytes = payload_end(elf, elf_size, &eh, err, err_size);
    if (!bytes)
        return -EINVAL;
    const size_t payload = (bytes + 3) / 4;
    uint32_t *out = calloc(FLASH_HEADER_WORDS + payload, 4);
    if (!out)
        return fail(err, err_size, -ENOMEM, "out of memory");
    for (unsigned i = 0; i < eh.e_phnum; i++) {
        Elf32_Phdr ph;
        if (segment(elf, elf_size, &eh, i, &ph) && ph.p_type == PT_LOAD)
            memcpy((uint8_t *)(out + FLASH_HEADER_WORDS) + ph.p_paddr, (const uint8_t *)elf + ph.p_offset, ph.p_filesz);
    }
    out[0] = MGMT_IMAGE_MAGIC;
    out[1] = (uint32_t)payload;
    out[2] = flash_image_crc(out + FLASH_HEADER_WORDS, payload);
    out[3] = eh.e_entry;
    *words = out;
    *count = FLASH_HEADER_WORDS + payload;
    return 0;
}

static int read_file(const char *path, void **data, size_t *size, char *err, size_t err_size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return fail(err, err_size, -errno, "%s: %s", path, strerror(errno));
    int rc = 0;
    long end = -1;
    void *memory = NULL;
    if (fseek(f, 0, SEEK_END) == 0)
        end = ftell(f);
    if (end < 0 || end > FILE_MAX || fseek(f, 0, SEEK_SET) != 0)
        rc = fail(err, err_size, -EINVAL, "%s: not a file of a sensible size", path);
    else if (!(memory = malloc((size_t)end + 1)))
        rc = fail(err, err_size, -ENOMEM, "out of memory");
    else if (fread(memory, 1, (size_t)end, f) != (size_t)end)
        rc = fail(err, err_size, -EIO, "%s: short read", path);
    fclose(f);
    if (rc) {
        free(memory);
        return rc;
    }
    *data = memory;
    *size = (size_t)end;
    return 0;
}

static int check_image(const uint32_t *w, size_t n, char *err, size_t err_size)
{
    if (n < FLASH_HEADER_WORDS || w[1] > n - FLASH_HEADER_WORDS)
        return fail(err, err_size, -EINVAL, "flash image is shorter than its header says");
    if (flash_image_crc(w + FLASH_HEADER_WORDS, w[1]) != w[2])
        return fail(err, err_size, -EINVAL, "flash image has a wrong CRC");
    return 0;
}

int flash_image_load(const char *path, uint32_t **words, size_t *count, char *err, size_t err_size)
{
    void *data = NULL;
    size_t size = 0;
    char why[160];
    int rc = read_file(path, &data, &size, err, err_size);
    if (rc)
        return rc;
    uint32_t magic = 0;
    if (data && size >= 4)
        memcpy(&magic, data, 4);
    if (magic == MGMT_IMAGE_MAGIC) {
        rc = check_image(data, size / 4, why, sizeof(why));
        if (!rc) {
            *words = data;
            *count = size / 4;
        }
    } else {
        rc = flash_image_build(data, size, words, count, why, sizeof(why));
    }
    if (rc)
        fail(err, err_size, 0, "%s: %s", path, why);
    if (rc || magic != MGMT_IMAGE_MAGIC)
        free(data);
    return rc;
}
