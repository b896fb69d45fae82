// Serves a policy over HTTP: loads it once, then computes an action per request.
//   node examples/2-http-service.mjs policy.safetensors [port]
//   curl -d '[-0.5, 0]' localhost:8080/act
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { loadPolicy } from 'gogepo'

const [file = 'policy.safetensors', port = '8080'] = process.argv.slice(2)
const policy = loadPolicy(file)

const server = createServer(async (request, response) => {
  if (request.url !== '/act') return response.writeHead(404).end()
  try {
    const observation = /** @type {number[]} */ (await json(request))
    const start = performance.now()
    const action = policy.act(observation)
    console.log(`acted in ${((performance.now() - start) * 1000).toFixed(1)} µs`)
    response.setHeader('content-type', 'application/json').end(JSON.stringify([...action]))
  } catch (error) {
    // for example: act: expected an observation of 2 numbers, …
    response.writeHead(400).end(`${/** @type {Error} */ (error).message}\n`)
  }
})
server.listen(Number(port), () =>
  console.log(
    `${policy.origin.task}, commanded ${policy.command}, on port ${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`,
  ),
)
