/* A disk with faults, preloaded before the system's. CONTROL is a folder: while a file "hanging" is in it, no
 * fsync comes to an end; while there is "full", what is written below DATA is refused as on a full disk; while
 * there is "read-only", so is every file that would be made or changed there. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is(const char *fault) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", CONTROL, fault);
    return access(path, F_OK) == 0;
}

static int below_data(const char *path) { return strncmp(path, DATA, strlen(DATA)) == 0; }

static int refuses_writing(int file) {
    if (!is("full")) {
        return 0;
    }
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) {
        return 0;
    }
    path[length] = 0;
    return below_data(path);
}

#define REAL(type, name) ((type)dlsym(RTLD_NEXT, name))

int fsync(int file) {
    while (is("hanging")) {
        usleep(1000);
    }
    return REAL(int (*)(int), "fsync")(file);
}

int fdatasync(int file) {
    while (is("hanging")) {
        usleep(1000);
    }
    return REAL(int (*)(int), "fdatasync")(file);
}

ssize_t write(int file, const void *bytes, size_t count) {
    if (refuses_writing(file)) {
        errno = ENOSPC;
        return -1;
    }
    return REAL(ssize_t(*)(int, const void *, size_t), "write")(file, bytes, count);
}

static int opened(const char *name, const char *path, int flags, mode_t mode) {
    if ((flags & (O_CREAT | O_WRONLY | O_RDWR)) && below_data(path) && is("read-only")) {
        errno = EROFS;
        return -1;
    }
    return REAL(int (*)(const char *, int, ...), name)(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & O_CREAT) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return opened("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = (flags & O_CREAT) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return opened("open64", path, flags, mode);
}
