// Peer makes Win32 calls as it is told on its standard input, line by line, and answers each line with one of its own:
// "ok", perhaps with a result, or "error" and what GetLastError says. Bytes are given and told in hexadecimal. It
// knows nothing of the Go library: it stands for any program that shares memory by name on Windows, and waits there.

#include <windows.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Words = std::vector<std::string>;

HANDLE section;
unsigned char *view;
std::map<std::string, HANDLE> objects; // events, mutexes and semaphores, by name

struct Failed {
    DWORD code;
};

template <typename T> T must(T result)
{
    if (!result)
        throw Failed{GetLastError()};
    return result;
}

std::uint64_t number(const std::string &word) { return std::strtoull(word.c_str(), nullptr, 0); }

std::wstring wide(const std::string &utf8)
{
    int units = must(MultiByteToWideChar(CP_UTF8, 0, utf8.c_str(), -1, nullptr, 0));
    std::wstring text(units, L'\0');
    must(MultiByteToWideChar(CP_UTF8, 0, utf8.c_str(), -1, &text[0], units));
    text.resize(units - 1);
    return text;
}

// create NAME SIZE PROTECT: PROTECT is flProtect, SEC_RESERVE and the like included.
std::string create(const Words &w)
{
    std::uint64_t size = number(w[2]);
    section = must(CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, static_cast<DWORD>(number(w[3])),
                                      static_cast<DWORD>(size >> 32), static_cast<DWORD>(size), wide(w[1]).c_str()));
    return GetLastError() == ERROR_ALREADY_EXISTS ? "existed" : "new";
}

// open NAME ACCESS
std::string open(const Words &w)
{
    section = must(OpenFileMappingW(static_cast<DWORD>(number(w[2])), FALSE, wide(w[1]).c_str()));
    return "";
}

// map ACCESS OFFSET LENGTH
std::string mapView(const Words &w)
{
    std::uint64_t offset = number(w[2]);
    view = static_cast<unsigned char *>(must(MapViewOfFile(section, static_cast<DWORD>(number(w[1])),
                                                           static_cast<DWORD>(offset >> 32), static_cast<DWORD>(offset),
                                                           static_cast<SIZE_T>(number(w[3])))));
    return "";
}

// read OFFSET LENGTH
std::string read(const Words &w)
{
    static const char digits[] = "0123456789abcdef";
    std::string text;
    for (std::uint64_t i = number(w[1]), end = i + number(w[2]); i < end; i++) {
        text += digits[view[i] >> 4];
        text += digits[view[i] & 15];
    }
    return text;
}

// write OFFSET BYTES
std::string write(const Words &w)
{
    std::uint64_t offset = number(w[1]);
    for (std::size_t i = 0; i + 1 < w[2].size(); i += 2)
        view[offset + i / 2] = static_cast<unsigned char>(std::strtoul(w[2].substr(i, 2).c_str(), nullptr, 16));
    return "";
}

// commit OFFSET LENGTH
std::string commit(const Words &w)
{
    must(VirtualAlloc(view + number(w[1]), static_cast<SIZE_T>(number(w[2])), MEM_COMMIT, PAGE_READWRITE));
    return "";
}

// state OFFSET: the page's State, as VirtualQuery has it.
std::string state(const Words &w)
{
    MEMORY_BASIC_INFORMATION info;
    must(VirtualQuery(view + number(w[1]), &info, sizeof info));
    return info.State == MEM_COMMIT ? "commit" : info.State == MEM_RESERVE ? "reserve" : "free";
}

std::string unmap(const Words &)
{
    must(UnmapViewOfFile(view));
    return "";
}

std::string closeSection(const Words &)
{
    must(CloseHandle(section));
    return "";
}

std::string pid(const Words &) { return std::to_string(GetCurrentProcessId()); }

// make event NAME auto|manual set|unset, make mutex NAME owned|free, make semaphore NAME INITIAL MAXIMUM
std::string make(const Words &w)
{
    std::wstring name = wide(w[2]);
    HANDLE handle = nullptr;
    if (w[1] == "event")
        handle = must(CreateEventW(nullptr, w[3] == "manual", w[4] == "set", name.c_str()));
    else if (w[1] == "mutex")
        handle = must(CreateMutexW(nullptr, w[3] == "owned", name.c_str()));
    else
        handle = must(CreateSemaphoreW(nullptr, static_cast<LONG>(number(w[3])), static_cast<LONG>(number(w[4])),
                                       name.c_str()));
    std::string result = GetLastError() == ERROR_ALREADY_EXISTS ? "existed" : "new";
    objects[w[2]] = handle;
    return result;
}

// reach KIND NAME RIGHTS
std::string reach(const Words &w)
{
    std::wstring name = wide(w[2]);
    DWORD rights = static_cast<DWORD>(number(w[3]));
    objects[w[2]] = must(w[1] == "event"   ? OpenEventW(rights, FALSE, name.c_str())
                         : w[1] == "mutex" ? OpenMutexW(rights, FALSE, name.c_str())
                                           : OpenSemaphoreW(rights, FALSE, name.c_str()));
    return "";
}

// drop NAME
std::string drop(const Words &w)
{
    must(CloseHandle(objects[w[1]]));
    return "";
}

std::string setEvent(const Words &w)
{
    must(SetEvent(objects[w[1]]));
    return "";
}

std::string resetEvent(const Words &w)
{
    must(ResetEvent(objects[w[1]]));
    return "";
}

std::string pulseEvent(const Words &w)
{
    must(PulseEvent(objects[w[1]]));
    return "";
}

std::string unlock(const Words &w)
{
    must(ReleaseMutex(objects[w[1]]));
    return "";
}

// post NAME COUNT
std::string post(const Words &w)
{
    LONG previous = 0;
    must(ReleaseSemaphore(objects[w[1]], static_cast<LONG>(number(w[2])), &previous));
    return std::to_string(previous);
}

// waitFor any|all NAME …
std::string waitFor(const Words &w, DWORD timeout)
{
    std::vector<HANDLE> handles;
    for (std::size_t i = 2; i < w.size(); i++)
        handles.push_back(objects[w[i]]);
    DWORD count = static_cast<DWORD>(handles.size());
    DWORD result = WaitForMultipleObjects(count, handles.data(), w[1] == "all", timeout);
    if (result < WAIT_OBJECT_0 + count)
        return std::to_string(result - WAIT_OBJECT_0);
    if (result >= WAIT_ABANDONED_0 && result < WAIT_ABANDONED_0 + count)
        return std::to_string(result - WAIT_ABANDONED_0) + " abandoned";
    must(result == WAIT_TIMEOUT);
    return "timeout";
}

std::string tryOnce(const Words &w) { return waitFor(w, 0); }

std::string await(const Words &w)
{
    std::cout << "waiting" << std::endl;
    return waitFor(w, INFINITE);
}

// forsake NAME: a thread locks the mutex and ends.
std::string forsake(const Words &w)
{
    auto lock = [](void *mutex) -> DWORD { return WaitForSingleObject(mutex, INFINITE); };
    HANDLE thread = must(CreateThread(nullptr, 0, lock, objects[w[1]], 0, nullptr));
    must(WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0);
    must(CloseHandle(thread));
    return "";
}

// serve SET WAIT TIMES sets one event and waits for the other, so many times; return SET WAIT TIMES waits first.
std::string volley(const Words &w)
{
    bool serve = w[0] == "serve";
    for (std::uint64_t i = number(w[3]); i > 0; i--) {
        if (serve)
            must(SetEvent(objects[w[1]]));
        must(WaitForSingleObject(objects[w[2]], INFINITE) == WAIT_OBJECT_0);
        if (!serve)
            must(SetEvent(objects[w[1]]));
    }
    return "";
}

// count MUTEX TIMES adds one to the first eight bytes of the view, each time in the mutex.
std::string count(const Words &w)
{
    volatile std::uint64_t *sum = reinterpret_cast<volatile std::uint64_t *>(view);
    for (std::uint64_t i = number(w[2]); i > 0; i--) {
        must(WaitForSingleObject(objects[w[1]], INFINITE) == WAIT_OBJECT_0);
        *sum = *sum + 1;
        must(ReleaseMutex(objects[w[1]]));
    }
    return "";
}

struct Command {
    std::size_t words; // at least
    std::string (*run)(const Words &);
};

const std::map<std::string, Command> commands = {
    {"pid", {1, pid}},
    // sections
    {"create", {4, create}},
    {"open", {3, open}},
    {"map", {4, mapView}},
    {"read", {3, read}},
    {"write", {3, write}},
    {"commit", {3, commit}},
    {"state", {2, state}},
    {"unmap", {1, unmap}},
    {"close", {1, closeSection}},
    // events, mutexes and semaphores
    {"make", {4, make}},
    {"reach", {4, reach}},
    {"drop", {2, drop}},
    {"set", {2, setEvent}},
    {"reset", {2, resetEvent}},
    {"pulse", {2, pulseEvent}},
    {"unlock", {2, unlock}},
    {"post", {3, post}},
    {"try", {3, tryOnce}},
    {"await", {3, await}},
    {"forsake", {2, forsake}},
    {"serve", {4, volley}},
    {"return", {4, volley}},
    {"count", {3, count}},
};

} // namespace

int main()
{
    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream input(line);
        Words words;
        for (std::string word; input >> word;)
            words.push_back(word);
        auto command = words.empty() ? commands.end() : commands.find(words[0]);
        if (command == commands.end() || words.size() < command->second.words) {
            std::cout << "error 0 cannot do this: " << line << std::endl;
            continue;
        }
        try {
            std::string result = command->second.run(words);
            std::cout << "ok " << result << std::endl;
        } catch (const Failed &failed) {
            std::cout << "error " << failed.code << std::endl;
        }
    }
}
