/*
 * A stand-in for bcryptprimitives.dll, which Wine 8.0 does not have and every Go program loads at its start.
 *
 * Go calls one function of it. The numbers come from where Wine gets all of its own: advapi32's SystemFunction036,
 * known as RtlGenRandom. `.ci/wine prepare` builds it into the prefix; nothing else may use it.
 */

#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *buffer, SIZE_T length)
{
    const SIZE_T most = 1 << 30; /* SystemFunction036 counts in 32 bits */

    while (length > 0) {
        ULONG piece = (ULONG)(length < most ? length : most);
        if (!SystemFunction036(buffer, piece))
            return FALSE;
        buffer += piece;
        length -= piece;
    }
    return TRUE;
}

/* The C library is left out, so its entry point is too. */
BOOL WINAPI DllMainCRTStartup(HINSTANCE instance, DWORD reason, LPVOID reserved)
{
    (void)instance;
    (void)reason;
    (void)reserved;
    return TRUE;
}
