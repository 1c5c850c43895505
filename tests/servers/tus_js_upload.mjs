// Uploads a file by tus-js-client: node … '{"file": …, "options": {…}}' (run where it is installed).
// Prints each request as a JSON line, then the end: {"url": …} or {"error": …}.
import { createReadStream } from 'node:fs'
import { Upload } from 'tus-js-client'

const { file, options } = JSON.parse(process.argv.at(-1))
const say = (line) => console.log(JSON.stringify(line))
const upload = new Upload(createReadStream(file), {
  ...options,
  onAfterResponse: (request, response) =>
    say({ method: request.getMethod(), status: response.getStatus() }),
  onSuccess: () => say({ url: upload.url }),
  onError: (error) => say({ error: error.message, status: error.originalResponse?.getStatus() }),
})
upload.start()
