/* A disk that fails or loses power, put between a program and the C library by LD_PRELOAD. For tests on Linux.
 *
 * Only files whose path begins with ACHUB_DISK_UNDER are looked at. What is asked of it comes from the environment:
 *
 *   ACHUB_DISK_FAIL     one of open, read, write, sync, truncate, rename, unlink: the calls that fail
 *   ACHUB_DISK_ERRNO    EIO (the default) or ENOSPC
 *   ACHUB_DISK_MATCH    text the path must contain for a call to fail; without it all do
 *   ACHUB_DISK_FROM     the number of the first matching call that fails, from 1; all that follow fail, too
 *   ACHUB_DISK_COUNT    a file that gets, at the end, how many calls matched
 *   ACHUB_DISK_JOURNAL  a file that gets every call that changed something, in the order they were made
 *
 * An entry of the journal: one byte what, u32 length of the path, u64 place, u64 length of the data; then path and data.
 * Numbers are in the machine's own order. A mutex is held over each call and its entry, so the order is the true one.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 'C', WRITE = 'W', TRUNCATE = 'T', SYNC = 'S', RENAME = 'R', UNLINK = 'U', MAKE = 'M' };

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static const char *under, *fail, *match;
static int fail_errno = EIO;
static long fail_from, matched;
static int journal = -1;

#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void)
{
    under = getenv("ACHUB_DISK_UNDER");
    fail = getenv("ACHUB_DISK_FAIL");
    match = getenv("ACHUB_DISK_MATCH");
    const char *number = getenv("ACHUB_DISK_ERRNO"), *from = getenv("ACHUB_DISK_FROM");
    if (number && !strcmp(number, "ENOSPC"))
        fail_errno = ENOSPC;
    fail_from = from ? atol(from) : 1;
    const char *path = getenv("ACHUB_DISK_JOURNAL");
    if (path) {
        REAL(open64);
        journal = real(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (journal < 0)
            abort();
    }
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("ACHUB_DISK_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) {
        fprintf(file, "%ld\n", matched);
        fclose(file);
    }
}

/* The memory that processes share beside a database of SQLite is no content. */
static int is_watched(const char *path)
{
    size_t length = strlen(path);
    return under && !strncmp(path, under, strlen(under)) && !(length > 4 && !strcmp(path + length - 4, "-shm"));
}

static int path_of(int fd, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return path[0] == '/' && !strstr(path, " (deleted)") && is_watched(path);
}

static int whole_path(const char *given, char *path)
{
    if (given[0] == '/') {
        snprintf(path, PATH_MAX, "%s", given);
    } else {
        char folder[PATH_MAX];
        if (!getcwd(folder, sizeof folder))
            return 0;
        while (!strncmp(given, "./", 2))
            given += 2;
        size_t length = strlen(folder), more = strlen(given);
        if (length + more + 2 > PATH_MAX)
            return 0;
        memcpy(path, folder, length);
        path[length] = '/';
        memcpy(path + length + 1, given, more + 1);
    }
    /* A path has one spelling in the journal. */
    for (char *dot; (dot = strstr(path, "/./"));)
        memmove(dot, dot + 2, strlen(dot + 2) + 1);
    return is_watched(path);
}

/* Whether this call is one that fails; errno is set then. The mutex is held. */
static int fails(const char *call, const char *path)
{
    if (!fail || strcmp(fail, call) || (match && !strstr(path, match)) || ++matched < fail_from)
        return 0;
    errno = fail_errno;
    return 1;
}

static void put(const void *bytes, size_t length)
{
    REAL(write);
    while (length > 0) {
        ssize_t done = real(journal, bytes, length);
        if (done < 0)
            abort();
        bytes = (const char *)bytes + done;
        length -= (size_t)done;
    }
}

static void note(char what, const char *path, uint64_t place, const void *data, uint64_t length)
{
    if (journal < 0)
        return;
    int before = errno;
    uint32_t path_length = (uint32_t)strlen(path);
    put(&what, 1);
    put(&path_length, sizeof path_length);
    put(&place, sizeof place);
    put(&length, sizeof length);
    put(path, path_length);
    if (data)
        put(data, length);
    errno = before;
}

static int opened(int (*real)(const char *, int, ...), const char *given, int flags, mode_t mode)
{
    char path[PATH_MAX];
    if (!whole_path(given, path))
        return real(given, flags, mode);
    pthread_mutex_lock(&order);
    int fd = -1;
    if (!fails("open", path)) {
        struct stat before;
        int is_new = (flags & O_CREAT) && stat(path, &before) != 0;
        fd = real(given, flags, mode);
        if (fd >= 0 && is_new)
            note(CREATE, path, 0, NULL, 0);
        else if (fd >= 0 && (flags & O_TRUNC))
            note(TRUNCATE, path, 0, NULL, 0);
    }
    pthread_mutex_unlock(&order);
    return fd;
}

#define OPEN(name)                                                                                          \
    int name(const char *path, int flags, ...)                                                              \
    {                                                                                                       \
        mode_t mode = 0;                                                                                    \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                                              \
            va_list rest;                                                                                   \
            va_start(rest, flags);                                                                          \
            mode = va_arg(rest, mode_t);                                                                    \
            va_end(rest);                                                                                   \
        }                                                                                                   \
        REAL(name);                                                                                         \
        return opened(real, path, flags, mode);                                                             \
    }
OPEN(open)
OPEN(open64)

ssize_t read(int fd, void *to, size_t length)
{
    REAL(read);
    char path[PATH_MAX];
    if (!fail || !path_of(fd, path))
        return real(fd, to, length);
    pthread_mutex_lock(&order);
    int failed = fails("read", path);
    pthread_mutex_unlock(&order);
    return failed ? -1 : real(fd, to, length);
}

#define PREAD(name, offset)                                                                                 \
    ssize_t name(int fd, void *to, size_t length, offset place)                                             \
    {                                                                                                       \
        REAL(name);                                                                                         \
        char path[PATH_MAX];                                                                                \
        if (!fail || !path_of(fd, path))                                                                    \
            return real(fd, to, length, place);                                                             \
        pthread_mutex_lock(&order);                                                                         \
        int failed = fails("read", path);                                                                   \
        pthread_mutex_unlock(&order);                                                                       \
        return failed ? -1 : real(fd, to, length, place);                                                   \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

ssize_t write(int fd, const void *from, size_t length)
{
    REAL(write);
    char path[PATH_MAX];
    if (fd == journal || !path_of(fd, path))
        return real(fd, from, length);
    pthread_mutex_lock(&order);
    ssize_t done = -1;
    if (!fails("write", path)) {
        done = real(fd, from, length);
        /* The place is known only afterwards where a file is appended to. */
        if (done > 0)
            note(WRITE, path, (uint64_t)(lseek64(fd, 0, SEEK_CUR) - done), from, (uint64_t)done);
    }
    pthread_mutex_unlock(&order);
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    REAL(writev);
    char path[PATH_MAX];
    if (!path_of(fd, path))
        return real(fd, parts, count);
    /* A short write is allowed: whoever called comes again with the rest. */
    for (int part = 0; part < count; part++)
        if (parts[part].iov_len > 0)
            return write(fd, parts[part].iov_base, parts[part].iov_len);
    return 0;
}

#define PWRITE(name, offset)                                                                                \
    ssize_t name(int fd, const void *from, size_t length, offset place)                                     \
    {                                                                                                       \
        REAL(name);                                                                                         \
        char path[PATH_MAX];                                                                                \
        if (!path_of(fd, path))                                                                             \
            return real(fd, from, length, place);                                                           \
        pthread_mutex_lock(&order);                                                                         \
        ssize_t done = fails("write", path) ? -1 : real(fd, from, length, place);                           \
        if (done > 0)                                                                                       \
            note(WRITE, path, (uint64_t)place, from, (uint64_t)done);                                       \
        pthread_mutex_unlock(&order);                                                                       \
        return done;                                                                                        \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define FTRUNCATE(name, offset)                                                                             \
    int name(int fd, offset length)                                                                         \
    {                                                                                                       \
        REAL(name);                                                                                         \
        char path[PATH_MAX];                                                                                \
        if (!path_of(fd, path))                                                                             \
            return real(fd, length);                                                                        \
        pthread_mutex_lock(&order);                                                                         \
        int done = fails("truncate", path) ? -1 : real(fd, length);                                         \
        if (done == 0)                                                                                      \
            note(TRUNCATE, path, (uint64_t)length, NULL, 0);                                                \
        pthread_mutex_unlock(&order);                                                                       \
        return done;                                                                                        \
    }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

#define SYNCS(name)                                                                                         \
    int name(int fd)                                                                                        \
    {                                                                                                       \
        REAL(name);                                                                                         \
        char path[PATH_MAX];                                                                                \
        if (!path_of(fd, path))                                                                             \
            return real(fd);                                                                                \
        pthread_mutex_lock(&order);                                                                         \
        int done = fails("sync", path) ? -1 : 0;                                                            \
        /* The machine goes on, so nothing has to reach a real disk. */                                     \
        if (done == 0)                                                                                      \
            note(SYNC, path, 0, NULL, 0);                                                                   \
        pthread_mutex_unlock(&order);                                                                       \
        return done;                                                                                        \
    }
SYNCS(fsync)
SYNCS(fdatasync)

int rename(const char *from, const char *to)
{
    REAL(rename);
    char old[PATH_MAX], fresh[PATH_MAX];
    if (!whole_path(from, old) || !whole_path(to, fresh))
        return real(from, to);
    pthread_mutex_lock(&order);
    int done = fails("rename", fresh) ? -1 : real(from, to);
    if (done == 0)
        note(RENAME, old, 0, fresh, strlen(fresh));
    pthread_mutex_unlock(&order);
    return done;
}

int unlink(const char *given)
{
    REAL(unlink);
    char path[PATH_MAX];
    if (!whole_path(given, path))
        return real(given);
    pthread_mutex_lock(&order);
    int done = fails("unlink", path) ? -1 : real(given);
    if (done == 0)
        note(UNLINK, path, 0, NULL, 0);
    pthread_mutex_unlock(&order);
    return done;
}

int mkdir(const char *given, mode_t mode)
{
    REAL(mkdir);
    char path[PATH_MAX];
    if (!whole_path(given, path))
        return real(given, mode);
    pthread_mutex_lock(&order);
    int done = real(given, mode);
    if (done == 0)
        note(MAKE, path, 0, NULL, 0);
    pthread_mutex_unlock(&order);
    return done;
}

int rmdir(const char *given)
{
    REAL(rmdir);
    char path[PATH_MAX];
    if (!whole_path(given, path))
        return real(given);
    pthread_mutex_lock(&order);
    int done = real(given);
    if (done == 0)
        note(UNLINK, path, 0, NULL, 0);
    pthread_mutex_unlock(&order);
    return done;
}
