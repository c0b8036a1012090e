// A Windows program that answers in a section: what its partner stores in the first word it stores in the second one, as
// soon as it sees it. It ends with its input, which nothing is written to.
#include <stdatomic.h>
#include <stdio.h>
#include <windows.h>

static atomic_ullong *words;

static DWORD WINAPI answer(void *unused)
{
	(void)unused;
	for (;;)
		atomic_store(&words[1], atomic_load(&words[0]));
}

int main(int argc, char **argv)
{
	HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 4096, argv[argc - 1]);
	words = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
	if (!words || !CreateThread(NULL, 0, answer, NULL, 0, NULL))
		return 1;
	puts("answering");
	fflush(stdout);
	getchar();
	return 0;
}
