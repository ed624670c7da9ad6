// npm `openai`.
import OpenAI from "openai";
import { ASK, BASE, CITY, EMBEDDINGS, KEY, MODEL, NEVER, SCHEMA, errors, run } from "./asked.mjs";

const client = (apiKey = KEY, maxRetries = 0) => new OpenAI({ baseURL: BASE, apiKey, maxRetries });
const ask = (of, more = {}) => of.chat.completions.create({ model: MODEL, messages: ASK, max_tokens: 16, ...more });

await run({
  async chat() {
    const answer = await ask(client());
    return { text: answer.choices[0].message.content, tokens: answer.usage.completion_tokens };
  },
  async stream() {
    const pieces = [];
    let tokens;
    for await (const event of await ask(client(), { stream: true, stream_options: { include_usage: true } })) {
      pieces.push(...event.choices.map((choice) => choice.delta.content ?? ""));
      tokens = event.usage?.completion_tokens ?? tokens;
    }
    return { text: pieces.join(""), pieces: pieces.length, tokens };
  },
  async tools() {
    const tool = { type: "function", function: { name: "weather", description: "The weather of a city", parameters: CITY } };
    const answer = await ask(client(), { tools: [tool], tool_choice: "required", max_tokens: 500 });
    const call = answer.choices[0].message.tool_calls[0].function;
    return { tool: call.name, arguments: JSON.parse(call.arguments) };
  },
  async json_schema() {
    const response_format = { type: "json_schema", json_schema: { name: "place", schema: SCHEMA, strict: true } };
    const answer = await ask(client(), { response_format, max_tokens: 500 });
    return { object: JSON.parse(answer.choices[0].message.content) };
  },
  async embeddings() {
    const answer = await client().embeddings.create({ model: EMBEDDINGS, input: ["one", "two"] });
    return { vectors: answer.data.map((one) => one.embedding.length) };
  },
  errors: () => errors((key, model) => ask(client(key), { model })),
  async retries() {
    const answer = await ask(client(KEY, 5), { model: "one-at-a-time", max_tokens: 4 });
    return { text: answer.choices[0].message.content };
  },
  async no_retry() {
    await ask(client(NEVER, 5)).then(() => { throw new Error("not refused"); }, (error) => {
      if (!(error instanceof OpenAI.RateLimitError)) throw error;
    });
    return { refused: true };
  },
  async cancel() {
    for await (const _ of await ask(client(), { stream: true, max_tokens: 1000 })) break;
    return { left: true };
  },
});
