// A program with more rights than who starts it: it makes a section, and says in how many directories of the place that the
// environment names something lies then.
//
//     privileged STEP [LIBRARY]

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <windows.h>

int main(int count, char **arguments)
{
    const char *step = arguments[1];
    const char *root = strdup(getenv("NAMEDSHM_ROOT"));
    int failed = 0;
    if (!strcmp(step, "taken"))
        failed = setreuid(geteuid(), geteuid()) || setregid(getegid(), getegid());
    else if (!strcmp(step, "given back"))
        failed = setresgid(getgid(), getgid(), getgid()) || setresuid(getuid(), getuid(), getuid());
    if (failed)
        return 3;
#ifdef LOADS
    // What the library finds behind the environment is not what the kernel put there.
    unsetenv("FIRST");
    unsetenv("SECOND");
    void *library = dlopen(arguments[2], RTLD_NOW);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 4;
    }
    HANDLE (*create)(HANDLE, LPSECURITY_ATTRIBUTES, DWORD, DWORD, DWORD, LPCSTR) = dlsym(library, "CreateFileMappingA");
#else
    HANDLE (*create)(HANDLE, LPSECURITY_ATTRIBUTES, DWORD, DWORD, DWORD, LPCSTR) = CreateFileMappingA;
#endif
    HANDLE section = create(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, "Local\\Privileged");
    DIR *directory = opendir(root);
    int found = 0;
    for (struct dirent *e; directory && (e = readdir(directory)) != NULL;)
        found += e->d_name[0] != '.';
    printf("%s %d\n", section ? "made" : "failed", found);
    return count < 2;
}
