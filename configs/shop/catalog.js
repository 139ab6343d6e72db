// The catalog of the shop: its items, each with the price that the prices' pods tell.
const fs = require("fs");
const http = require("http");

const items = fs.readFileSync("/etc/shop/items", "utf8").trim().split("\n");
const token = fs.readFileSync("/run/secrets/prices/token", "utf8");

function price(item) {
  return new Promise((resolve, reject) => {
    const options = { host: "prices", port: 8080, path: `/${item}`, headers: { Authorization: token }, timeout: 5000 };
    const request = http.get(options, (answer) => {
      let body = "";
      answer.on("data", (chunk) => (body += chunk));
      answer.on("end", () => (answer.statusCode === 200 ? resolve(body) : reject(new Error(body))));
    });
    request.on("timeout", () => request.destroy(new Error("the prices took too long")));
    request.on("error", reject);
  });
}

http
  .createServer(async (request, response) => {
    if (request.url === "/healthz") return response.end("ok");
    try {
      const found = await Promise.all(items.map(async (item) => [item, await price(item)]));
      response.end(JSON.stringify(Object.fromEntries(found)));
    } catch (error) {
      response.writeHead(502);
      response.end(`${error.message}\n`);
    }
  })
  .listen(8080, "0.0.0.0");
process.on("SIGTERM", () => process.exit(0));
