// SPDX-License-Identifier: BSD-2-Clause
// The flash image that the card's boot copier reads, made from firmware's ELF: four header words (magic, length of the
// payload in words, CRC-32 (IEEE) of the payload, entry address) and the payload, which goes to the core's RAM from
// address 0 on.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define FLASH_HEADER_WORDS 4

// From an ELF in memory (32-bit RISC-V executable, segments from address 0 up). *words is malloc'ed, host order. 0, or
// a negative errno with a sentence in err.
int flash_image_build(const void *elf, size_t elf_size, uint32_t **words, size_t *count, char *err, size_t err_size);
// From a file that is an ELF, or such an image already (its length and CRC are checked).
int flash_image_load(const char *path, uint32_t **words, size_t *count, char *err, size_t err_size);
// CRC-32 (IEEE 802.3) of words, least significant byte first.
uint32_t flash_image_crc(const uint32_t *words, size_t count);
