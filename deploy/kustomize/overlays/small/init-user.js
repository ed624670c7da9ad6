// Run once, by the image's entry point, when the data folder is empty: the user that LLMGateway logs in as.
db.getSiblingDB("llmgw").createUser({
  user: "llmgw",
  pwd: require("fs").readFileSync("/run/secrets/mongo/mongo_password", "utf8").trim(),
  roles: [{ role: "readWrite", db: "llmgw" }],
});
