/* Faults in the calls by which a save changes a disk: loaded before libc (LD_PRELOAD), armed by `crash_arm`, or, where
   CRASH_AT and CRASH_WHAT are set, when a process comes to the lock of the folder.

   The call of number `at` after arming, counted from 1, does not do its work: it fails with `error`; or it does half of it
   first, where it writes; or the process is killed before it, in the middle of it, or right behind it. `lasting` faults hold
   for all calls from there on, as a full disk does. Or the folder is taken away before the call, which then goes on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/types.h>
#include <unistd.h>

enum { FAIL, FAIL_HALFWAY, KILL_BEFORE, KILL_HALFWAY, KILL_BEHIND, TAKE_AWAY };

static long at = 0, count = 0;
static int what = FAIL, error = 0, lasting = 0;
static const char *folder = NULL, *away = NULL;

/* Arm the fault; with `number` 0 calls are counted and nothing fails. */
void crash_arm(long number, int fault, int code, int stays) {
    at = number, count = 0, what = fault, error = code, lasting = stays;
}

/* Which folder is taken away, and under what name it is found then. */
void crash_folder(const char *from, const char *to) { folder = from, away = to; }

/* How many calls there were since arming. */
long crash_count(void) { return count; }

static int strikes(void) {
    count++;
    return at > 0 && (count == at || (lasting && count > at));
}

static void die(void) { kill(getpid(), SIGKILL); }

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void take_away(void) {
    if (count == at) NEXT(rename)(folder, away);
}

/* The result of a call that may strike: `call` is what it does, `half` a part of that. */
#define FAULTY(type, call, half)                                    \
    do {                                                            \
        if (!strikes()) return call;                                \
        if (what == TAKE_AWAY) { take_away(); return call; }        \
        if (what == KILL_BEFORE) die();                             \
        if (what == FAIL_HALFWAY || what == KILL_HALFWAY) { half; } \
        if (what == KILL_HALFWAY) die();                            \
        if (what == KILL_BEHIND) { (void)!(call); die(); }          \
        errno = error;                                              \
        return (type)-1;                                            \
    } while (0)

ssize_t write(int file, const void *bytes, size_t length) {
    FAULTY(ssize_t, NEXT(write)(file, bytes, length), (void)!NEXT(write)(file, bytes, length / 2));
}
int rename(const char *from, const char *to) { FAULTY(int, NEXT(rename)(from, to), ); }
int renameat(int a, const char *from, int b, const char *to) { FAULTY(int, NEXT(renameat)(a, from, b, to), ); }
int unlink(const char *path) { FAULTY(int, NEXT(unlink)(path), ); }
int unlinkat(int folder, const char *path, int flags) { FAULTY(int, NEXT(unlinkat)(folder, path, flags), ); }
int fsync(int file) { FAULTY(int, NEXT(fsync)(file), ); }
int fdatasync(int file) { FAULTY(int, NEXT(fdatasync)(file), ); }

int flock(int file, int how) {
    const char *number = getenv("CRASH_AT"), *fault = getenv("CRASH_WHAT");
    if (number && fault && !at) crash_arm(atol(number), atoi(fault), ENOSPC, 1);
    return NEXT(flock)(file, how);
}

/* Opening counts where it makes a file. */
#define MODE                                    \
    mode_t mode = 0;                            \
    if (flags & O_CREAT) {                      \
        va_list rest;                           \
        va_start(rest, flags);                  \
        mode = va_arg(rest, mode_t);            \
        va_end(rest);                           \
    }

int open(const char *path, int flags, ...) {
    MODE
    if (!(flags & O_CREAT)) return NEXT(open)(path, flags, mode);
    FAULTY(int, NEXT(open)(path, flags, mode), );
}
int open64(const char *path, int flags, ...) {
    MODE
    if (!(flags & O_CREAT)) return NEXT(open64)(path, flags, mode);
    FAULTY(int, NEXT(open64)(path, flags, mode), );
}
int openat(int folder, const char *path, int flags, ...) {
    MODE
    if (!(flags & O_CREAT)) return NEXT(openat)(folder, path, flags, mode);
    FAULTY(int, NEXT(openat)(folder, path, flags, mode), );
}
int openat64(int folder, const char *path, int flags, ...) {
    MODE
    if (!(flags & O_CREAT)) return NEXT(openat64)(folder, path, flags, mode);
    FAULTY(int, NEXT(openat64)(folder, path, flags, mode), );
}
