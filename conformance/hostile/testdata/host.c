/* A C program that has loaded the library, and forks. Its first argument says what it does, its second is a name. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "library.h"

static void limit_files(rlim_t length) {
	struct rlimit limit = {length, length};
	setrlimit(RLIMIT_FSIZE, &limit);
}

/* What a child may do with a copy of a handle: nothing but close it. */
static int close_copies(void) {
	alarm(3); /* the Go runtime promises a forked child nothing: it may wait for a lock of a thread that it has not got */
	int status = 0;
	if (Map() == 0)
		status |= 2;
	if (Close() != 0)
		status |= 1;
	return status;
}

int main(int count, char **words) {
	if (count < 3)
		return 2;
	const char *what = words[1];
	setvbuf(stdout, NULL, _IONBF, 0);
	if (strcmp(what, "signal") == 0) { /* what the limit does to a C program */
		limit_files(100);
		int fd = open("/dev/shm", O_TMPFILE | O_RDWR, 0600);
		return pwrite(fd, "x", 1, 200) < 0;
	}
	if (strcmp(what, "limited") == 0) {
		limit_files(100);
		return Make(words[2], 4096) == 0 ? 3 : 0;
	}
	if (Make(words[2], 4096) != 0)
		return 1;
	pid_t child = fork();
	if (child == 0) {
		if (strcmp(what, "closes") == 0)
			_exit(close_copies());
		for (;;)
			pause();
	}
	if (strcmp(what, "closes") == 0) {
		int status = 0;
		waitpid(child, &status, 0);
		printf("child %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	} else {
		printf("child %d\n", child);
	}
	char line[16];
	if (fgets(line, sizeof line, stdin) != NULL)
		return Map() | Close();
	return 0;
}
