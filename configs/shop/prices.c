/* The prices of the shop, for whoever sends the token: GET /ITEM tells what it costs, more if few are left.
 * One request per connection. Build it static: cc -O2 -static -o prices prices.c */
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static void end(int number) {
    (void)number;
    _exit(0);
}

/* Ask the stock, over UDP, how many are left of an item; -1 if it does not say. */
static int left(const char *item) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM}, *found;
    struct timeval patience = {5, 0};
    char answer[32] = "";
    if (getaddrinfo("stock", "8080", &hints, &found)) return -1;
    int stock = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(stock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    int count = -1;
    if (!connect(stock, found->ai_addr, found->ai_addrlen) && send(stock, item, strlen(item), 0) > 0 &&
        recv(stock, answer, sizeof answer - 1, 0) > 0)
        count = atoi(answer);
    close(stock);
    freeaddrinfo(found);
    return count;
}

static void answer(int client, const char *token) {
    char request[4096] = "", item[64] = "", text[64], said[128];
    size_t length = 0;
    while (!strstr(request, "\r\n\r\n") && length < sizeof request - 1) {
        ssize_t more = recv(client, request + length, sizeof request - 1 - length, 0);
        if (more <= 0) return;
        length += more;
        request[length] = 0;
    }
    const char *status = "200 OK";
    int count = -1;
    if (!strstr(request, token)) {
        status = "403 Forbidden";
        strcpy(text, "wrong token");
    } else if (sscanf(request, "GET /%63[a-z] ", item) != 1 || (count = left(item)) < 0) {
        status = "502 Bad Gateway";
        strcpy(text, "the stock does not answer");
    } else {
        snprintf(text, sizeof text, "%d", count < 10 ? 5 : 2);
    }
    int size = snprintf(said, sizeof said, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", status,
                        strlen(text), text);
    send(client, said, size, MSG_NOSIGNAL);
    shutdown(client, SHUT_WR);
}

int main(void) {
    char token[128] = "Authorization: ";
    FILE *secret = fopen("/run/secrets/prices/token", "r");
    if (!secret || !fgets(token + strlen(token), sizeof token - strlen(token), secret)) {
        perror("/run/secrets/prices/token");
        return 1;
    }
    signal(SIGTERM, end);
    int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in everywhere = {.sin_family = AF_INET, .sin_port = htons(8080)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&everywhere, sizeof everywhere) || listen(listener, 128)) {
        perror("0.0.0.0:8080");
        return 1;
    }
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) continue;
        answer(client, token);
        close(client);
    }
}
