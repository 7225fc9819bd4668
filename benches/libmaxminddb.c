/* What `benches/lookup` holds `landfall lookup` against: addresses from standard input, one a line, are looked up in one
 * database with the C library, and written with the country. Nothing is done that need not be: addresses are read with
 * inet_pton and not with getaddrinfo, as MMDB_lookup_string and the mmdblookup program do, and output is buffered.
 *
 * usage: libmaxminddb FILE KEY... < ADDRESSES       KEY: country_code, or country iso_code
 */
#include <arpa/inet.h>
#include <maxminddb.h>
#include <stdio.h>
#include <string.h>

static int read_address(const char *line, struct sockaddr_storage *address) {
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)address;
    if (inet_pton(AF_INET, line, &ipv4->sin_addr) == 1) {
        address->ss_family = AF_INET;
    } else if (inet_pton(AF_INET6, line, &ipv6->sin6_addr) == 1) {
        address->ss_family = AF_INET6;
    } else {
        return 0;
    }
    return 1;
}

int main(int count, char **arguments) {
    static char in[1 << 18], out[1 << 18];
    char line[128];
    MMDB_s database;
    if (count < 3 || MMDB_open(arguments[1], MMDB_MODE_MMAP, &database) != MMDB_SUCCESS) {
        fprintf(stderr, "usage: libmaxminddb FILE KEY... < ADDRESSES\n");
        return 2;
    }
    setvbuf(stdin, in, _IOFBF, sizeof in);
    setvbuf(stdout, out, _IOFBF, sizeof out);
    while (fgets(line, sizeof line, stdin)) {
        struct sockaddr_storage address = {0};
        int error = 0;
        line[strcspn(line, "\r\n")] = 0;
        if (!read_address(line, &address)) {
            fprintf(stderr, "%s is no address\n", line);
            return 2;
        }
        MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&database, (struct sockaddr *)&address, &error);
        MMDB_entry_data_s value = {0};
        if (error == MMDB_SUCCESS && found.found_entry) {
            MMDB_aget_value(&found.entry, &value, (const char *const *)(arguments + 2));
        }
        fputs(line, stdout);
        if (value.has_data && value.type == MMDB_DATA_TYPE_UTF8_STRING) {
            putchar(' ');
            fwrite(value.utf8_string, 1, value.data_size, stdout);
        }
        putchar('\n');
    }
    MMDB_close(&database);
    return 0;
}
