// node-media-server, configured by the JSON in its first argument; a SIGTERM flushes its recordings. The second is the
// version's name in package.json.
const NodeMediaServer = require(process.argv[3]);

const server = new NodeMediaServer(JSON.parse(process.argv[2]), "");
process.on("SIGTERM", async () => {
  await server.stop();
  setTimeout(() => process.exit(0), 1000).unref();
});
server.run();
