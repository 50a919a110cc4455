"""System calls, and the errors that the suite makes them return.

Without those that only a fault of the caller gives, such as EBADF, and without the calls for memory: a program whose
memory is refused ends at once.
"""

TABLE = """
accept4 ECONNABORTED EMFILE ENOMEM
access EIO
bind EACCES EADDRINUSE ENOSPC
chdir EACCES
clone EAGAIN ENOMEM
clone3 EAGAIN ENOMEM
connect EAGAIN ECONNREFUSED EINTR
dup2 EMFILE
dup3 EMFILE
execve E2BIG EIO ENOMEM
fchdir EACCES EIO
fcntl EMFILE
flock EINTR ENOLCK EAGAIN
fork EAGAIN
fstat EIO
ftruncate EIO EFBIG
getcwd ENOENT
getdents64 EIO ENOENT
getsockopt EIO
ioctl EIO
kill EPERM
link EROFS
linkat EROFS
listen EADDRINUSE
lstat EIO
mkdir EACCES ENOSPC EROFS
newfstatat EIO EACCES
openat EACCES EIO EMFILE ENOSPC
pidfd_getfd EMFILE EPERM
pidfd_open EMFILE ENOSYS
pidfd_send_signal EPERM
pipe2 EMFILE
poll EINTR ENOMEM
ppoll EINTR ENOMEM
prlimit64 EPERM
read EINTR EIO
readlink EACCES ENOENT
recvfrom ECONNRESET EINTR ENOMEM
recvmsg EINTR EMFILE
rename EACCES ENOSPC
renameat EACCES ENOSPC
sendmsg EAGAIN ENOBUFS EPIPE ETOOMANYREFS
sendto EAGAIN EINTR EPIPE ENOBUFS
setpgid EPERM
setrlimit EPERM
setsid EPERM
setsockopt ENOMEM
signalfd4 EMFILE
socket EMFILE ENOBUFS
socketpair EMFILE ENFILE
statx EACCES EIO ENOENT
unlink EROFS
unlinkat EROFS
vfork EAGAIN
wait4 ECHILD EINTR
waitid ECHILD EINTR
write EIO ENOSPC EPIPE
"""
ERRORS = {line.split()[0]: line.split()[1:] for line in TABLE.split("\n") if line}

# The calls of a worker and its children while jobs run.
OF_WORKER = [
    "accept4", "clone", "dup2", "dup3", "fchdir", "fcntl", "getsockopt", "kill", "newfstatat", "openat", "poll",
    "prlimit64", "read", "recvfrom", "recvmsg", "sendmsg", "sendto", "setpgid", "socketpair", "wait4", "waitid",
    "write",
]
