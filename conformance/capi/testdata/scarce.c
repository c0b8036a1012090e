/* What a program has of descriptors when it makes its first object: "scarce N" leaves it N, "scarce close" closes all that
 * it does not know, as a daemon does at its start. It prints for each call whether it made something, and the error. */

#include <windows.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void tell(HANDLE made)
{
    printf("%d %u\n", made != NULL, made != NULL ? 0 : GetLastError());
}

/* leave leaves that many descriptors free, behind the highest in use. */
static int leave(int count)
{
    struct rlimit scarce;
    int highest = 2;
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            highest = fd;
    for (int fd = 3; fd < highest; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            dup2(2, fd);
    scarce.rlim_cur = scarce.rlim_max = highest + 1 + count;
    return setrlimit(RLIMIT_NOFILE, &scarce);
}

int main(int count, char **arguments)
{
    MEMORY_BASIC_INFORMATION information;
    if (count < 2)
        return 2;
    CloseHandle(NULL); /* returns when the library has started, and done what it does by itself */
    if (strcmp(arguments[1], "close") == 0) {
        for (int fd = 3; fd < 1024; fd++)
            close(fd);
    } else if (leave(atoi(arguments[1])) != 0) {
        return 2;
    }
    VirtualQuery(&information, &information, sizeof information); /* reads a file, and makes nothing */
    tell(CreateEventA(NULL, TRUE, TRUE, NULL));
    tell(CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, "Local\\Scarce"));
    tell(OpenFileMappingA(FILE_MAP_READ, FALSE, "Local\\Scarce"));
    return 0;
}
