/* A disk that fails under SQLite: preloaded, it stands between its library and the C library.

   Only files of a database are meant, by their names: *.db, *.db-wal, *.db-shm, *.db-journal.
   The N-th call of one kind fails, or all from there on. Calls of other kinds pass. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum kind { READ, WRITE, SYNC, TRUNCATE, KINDS };
enum manner { REFUSED, SHORT, TORN }; /* SHORT: half is written; TORN: and then the power is gone */

static struct {
    enum kind kind;
    enum manner manner;
    int error;
    long at; /* from 1; 0: never */
    int stays;
    char of[16]; /* only files whose names end so */
} fault;
static atomic_long calls[KINDS];

void disk_fails(int kind, int manner, int error, long at, int stays, const char *of) {
    fault.kind = kind, fault.manner = manner, fault.error = error, fault.at = at, fault.stays = stays;
    snprintf(fault.of, sizeof fault.of, "%s", of);
    for (int k = 0; k < KINDS; k++) calls[k] = 0;
}

int disk_failed(void) { return fault.at > 0 && calls[fault.kind] >= fault.at; }

static int ends_with(const char *path, size_t n, const char *end) {
    size_t length = strlen(end);
    return n >= length && memcmp(path + n - length, end, length) == 0;
}

static int is_database(const char *path, size_t n) {
    static const char *ends[] = {".db", ".db-wal", ".db-shm", ".db-journal"};
    for (int i = 0; i < 4; i++)
        if (ends_with(path, n, ends[i]) && ends_with(path, n, fault.of)) return 1;
    return 0;
}

static int is_meant(int descriptor) {
    char link[40], path[4096];
    if (fault.at == 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t n = readlink(link, path, sizeof path);
    return n > 0 && is_database(path, n);
}

/* 0: it passes; 1: this is the first that fails; 2: one that fails after it. */
static int fails(int descriptor, enum kind kind) {
    if (fault.kind != kind || !is_meant(descriptor)) return 0;
    long number = ++calls[kind];
    return number == fault.at ? 1 : number > fault.at && fault.stays ? 2 : 0;
}

#define REAL(name) ({ static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name); real; })
#define FAILS(kind) if (fails(fd, kind)) { errno = fault.error; return -1; }

#define WRITING(name, parameters, whole, half)                            \
    ssize_t name parameters {                                             \
        int which = fails(fd, WRITE);                                     \
        if (!which) return REAL(name) whole;                              \
        if (which == 2 || fault.manner == REFUSED) {                      \
            errno = fault.error;                                          \
            return -1;                                                    \
        }                                                                 \
        ssize_t written = REAL(name) half;                                \
        if (fault.manner == TORN) kill(getpid(), SIGKILL);                \
        return written;                                                   \
    }

WRITING(write, (int fd, const void *data, size_t n), (fd, data, n), (fd, data, n / 2))
WRITING(pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at), (fd, data, n / 2, at))
WRITING(pwrite64, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at), (fd, data, n / 2, at))

ssize_t read(int fd, void *data, size_t n) { FAILS(READ) return REAL(read)(fd, data, n); }
ssize_t pread(int fd, void *data, size_t n, off_t at) { FAILS(READ) return REAL(pread)(fd, data, n, at); }
ssize_t pread64(int fd, void *data, size_t n, off64_t at) { FAILS(READ) return REAL(pread64)(fd, data, n, at); }
int fsync(int fd) { FAILS(SYNC) return REAL(fsync)(fd); }
int fdatasync(int fd) { FAILS(SYNC) return REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t n) { FAILS(TRUNCATE) return REAL(ftruncate)(fd, n); }
int ftruncate64(int fd, off64_t n) { FAILS(TRUNCATE) return REAL(ftruncate64)(fd, n); }

/* A disk that is read-only now lets nobody open a file to write either. */
static int may_open(const char *path, int flags) {
    return !(disk_failed() && fault.error == EROFS && (flags & O_ACCMODE) != O_RDONLY &&
             is_database(path, strlen(path)));
}

#define OPENING(name)                                                     \
    int name(const char *path, int flags, ...) {                          \
        va_list rest;                                                     \
        va_start(rest, flags);                                            \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                     \
        if (!may_open(path, flags)) {                                     \
            errno = EROFS;                                                \
            return -1;                                                    \
        }                                                                 \
        return REAL(name)(path, flags, mode);                             \
    }

OPENING(open)
OPENING(open64)
