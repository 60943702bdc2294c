// SPDX-License-Identifier: BSD-2-Clause
// For user-mode-linux 6.1 on a host CPU with AMX, as an LD_PRELOAD of linux.uml.
//
// That kernel saves a guest's extended processor state in a buffer of fixed size. On a CPU with AMX the host's state
// is larger, and ptrace(PTRACE_SETREGSET, NT_X86_XSTATE) accepts the whole size only: the guest panics as its first
// process starts. So a state that is too short is handed on at the host's size: what is missing is filled in as zero
// and declared to be in its initial configuration. On other CPUs nothing is changed.
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

#define STATE_MAX  65536ul
#define XSTATE_BV  512              // offset of the bits that say which components are present
#define COMPONENTS ((1u << 10) - 1) // those before AMX: x87 to PKRU

typedef long ptrace_fn(int, pid_t, void *, void *);

static size_t host_size(ptrace_fn *real, pid_t pid, void *scratch)
{
    static size_t known;
    struct iovec io = {scratch, STATE_MAX};
    if (known == 0 && real(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &io) == 0)
        known = io.iov_len;
    return known;
}

long ptrace(enum __ptrace_request request, ...)
{
    static ptrace_fn *real;
    static uint8_t state[STATE_MAX] __attribute__((aligned(64)));
    va_list args;
    va_start(args, request);
    pid_t pid = va_arg(args, pid_t);
    void *address = va_arg(args, void *);
    void *data = va_arg(args, void *);
    va_end(args);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "ptrace");
    const struct iovec *given = data;
    if ((int)request != PTRACE_SETREGSET || (uintptr_t)address != NT_X86_XSTATE ||
        given->iov_len < XSTATE_BV + sizeof(uint64_t))
        return real((int)request, pid, address, data);
    size_t size = host_size(real, pid, state);
    if (size <= given->iov_len || size > STATE_MAX)
        return real((int)request, pid, address, data);
    uint64_t present;
    memset(state, 0, size);
    memcpy(state, given->iov_base, given->iov_len);
    memcpy(&present, state + XSTATE_BV, sizeof(present));
    present &= COMPONENTS;
    memcpy(state + XSTATE_BV, &present, sizeof(present));
    struct iovec whole = {state, size};
    return real((int)request, pid, address, &whole);
}
