// Delays a process as a slow file server does: each look at a path, and each opening, below one folder waits.
//
//   cc -O2 -shared -fPIC -o delays.so delays.c
//   LD_PRELOAD=./delays.so SLOW_FOLDER=/mnt/sgtk SLOW_LOOK_US=500 SLOW_OPENING_US=1000 python3 …
//
// SLOW_COUNTS names a file of 16 bytes: the numbers of looks and of openings of all processes, two integers of
// 64 bits. Only absolute paths count, and only in programs that load the C library: a static launcher does not.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum kind { LOOK, OPENING };

static const char *folder;
static size_t folder_length;
static long delays_us[2];
static uint64_t own_counts[2];
static uint64_t *counts = own_counts;

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

__attribute__((constructor)) static void read_settings(void) {
    folder = getenv("SLOW_FOLDER");
    folder_length = folder ? strlen(folder) : 0;
    delays_us[LOOK] = number("SLOW_LOOK_US");
    delays_us[OPENING] = number("SLOW_OPENING_US");
    const char *path = getenv("SLOW_COUNTS");
    int (*open_file)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int file = path && open_file ? open_file(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) {
        return;
    }
    void *shared = mmap(NULL, sizeof own_counts, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared != MAP_FAILED) {
        counts = shared;
    }
    close(file);
}

static void delay(const char *path, enum kind kind) {
    if (!folder_length || !path || strncmp(path, folder, folder_length) != 0) {
        return;
    }
    __atomic_fetch_add(&counts[kind], 1, __ATOMIC_RELAXED);
    if (delays_us[kind] > 0) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += delays_us[kind] * 1000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0) {
        }
    }
}

#define DELAYED(result, name, parameters, arguments, path, kind)    \
    result name parameters {                                        \
        static result(*next) parameters;                            \
        if (!next) {                                                \
            next = dlsym(RTLD_NEXT, #name);                         \
        }                                                           \
        delay(path, kind);                                          \
        return next arguments;                                      \
    }

DELAYED(int, stat, (const char *p, struct stat *s), (p, s), p, LOOK)
DELAYED(int, stat64, (const char *p, struct stat64 *s), (p, s), p, LOOK)
DELAYED(int, lstat, (const char *p, struct stat *s), (p, s), p, LOOK)
DELAYED(int, lstat64, (const char *p, struct stat64 *s), (p, s), p, LOOK)
DELAYED(int, fstatat, (int d, const char *p, struct stat *s, int f), (d, p, s, f), p, LOOK)
DELAYED(int, fstatat64, (int d, const char *p, struct stat64 *s, int f), (d, p, s, f), p, LOOK)
DELAYED(int, statx, (int d, const char *p, int f, unsigned m, struct statx *s), (d, p, f, m, s), p, LOOK)
DELAYED(int, access, (const char *p, int m), (p, m), p, LOOK)
DELAYED(int, faccessat, (int d, const char *p, int m, int f), (d, p, m, f), p, LOOK)
DELAYED(ssize_t, readlink, (const char *p, char *b, size_t n), (p, b, n), p, LOOK)
DELAYED(ssize_t, readlinkat, (int d, const char *p, char *b, size_t n), (d, p, b, n), p, LOOK)
DELAYED(DIR *, opendir, (const char *p), (p), p, OPENING)
DELAYED(FILE *, fopen, (const char *p, const char *m), (p, m), p, OPENING)
DELAYED(FILE *, fopen64, (const char *p, const char *m), (p, m), p, OPENING)

#define DELAYED_OPEN(name)                                          \
    int name(const char *path, int flags, ...) {                    \
        static int (*next)(const char *, int, ...);                 \
        if (!next) {                                                \
            next = dlsym(RTLD_NEXT, #name);                         \
        }                                                           \
        va_list list;                                               \
        va_start(list, flags);                                      \
        mode_t mode = va_arg(list, mode_t);                         \
        va_end(list);                                               \
        delay(path, OPENING);                                       \
        return next(path, flags, mode);                             \
    }

#define DELAYED_OPENAT(name)                                        \
    int name(int directory, const char *path, int flags, ...) {     \
        static int (*next)(int, const char *, int, ...);            \
        if (!next) {                                                \
            next = dlsym(RTLD_NEXT, #name);                         \
        }                                                           \
        va_list list;                                               \
        va_start(list, flags);                                      \
        mode_t mode = va_arg(list, mode_t);                         \
        va_end(list);                                               \
        delay(path, OPENING);                                       \
        return next(directory, path, flags, mode);                  \
    }

DELAYED_OPEN(open)
DELAYED_OPEN(open64)
DELAYED_OPENAT(openat)
DELAYED_OPENAT(openat64)
