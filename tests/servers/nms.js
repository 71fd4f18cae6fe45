// node-media-server, configured by the JSON in its first argument; a SIGTERM flushes its recordings.
const NodeMediaServer = require("node-media-server");

const server = new NodeMediaServer(JSON.parse(process.argv[2]), "");
process.on("SIGTERM", async () => {
  await server.stop();
  setTimeout(() => process.exit(0), 1000).unref();
});
server.run();
