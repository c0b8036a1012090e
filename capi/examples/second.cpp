// The second of two programs, written for Windows and compiled on Linux as it is: it opens the section that the first one
// holds, and shows what lies in it.

#include <windows.h>

#include <stdio.h>
#include <tchar.h>

#pragma comment(lib, "user32.lib")

int _tmain()
{
    HANDLE section = OpenFileMapping(FILE_MAP_READ, FALSE, TEXT("Global\\MyFileMappingObject"));
    if (section == NULL) {
        _tprintf(TEXT("Could not open file mapping object (%d).\n"), GetLastError());
        return 1;
    }
    LPCTSTR view = (LPCTSTR)MapViewOfFile(section, FILE_MAP_READ, 0, 0, 256);
    if (view == NULL) {
        _tprintf(TEXT("Could not map view of file (%d).\n"), GetLastError());
        CloseHandle(section);
        return 1;
    }
    MessageBox(NULL, view, TEXT("Process2"), MB_OK);
    UnmapViewOfFile(view);
    CloseHandle(section);
    return 0;
}
