// Peer makes Win32 calls as it is told on its standard input, line by line, and answers each line with one of its own:
// "ok", perhaps with a result, or "error" and what GetLastError says. Bytes are given and told in hexadecimal. It
// knows nothing of the Go library: it stands for any program that shares memory by name on Windows.

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
HANDLE event;
unsigned char *view;

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

// event NAME
std::string makeEvent(const Words &w)
{
    event = must(CreateEventW(nullptr, TRUE, FALSE, wide(w[1]).c_str()));
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

struct Command {
    std::size_t words;
    std::string (*run)(const Words &);
};

const std::map<std::string, Command> commands = {
    {"create", {4, create}}, {"open", {3, open}},   {"event", {2, makeEvent}},   {"map", {4, mapView}},
    {"read", {3, read}},     {"write", {3, write}}, {"commit", {3, commit}},     {"state", {2, state}},
    {"unmap", {1, unmap}},   {"pid", {1, pid}},     {"close", {1, closeSection}},
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
        if (command == commands.end() || words.size() != command->second.words) {
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
