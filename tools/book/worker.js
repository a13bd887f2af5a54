/* Searching runs in a worker, which browsers refuse to pages that are files. For these a worker is a hidden frame with
 * the same script: the theme's search needs messages, importScripts and the name IFrameWorker, no more. */
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.appendChild(frame);
      const inside = (this.inside = frame.contentWindow);
      const load = source => new Promise((done, fail) => {
        const script = inside.document.createElement("script");
        Object.assign(script, {src: source, onload: done, onerror: fail});
        inside.document.head.appendChild(script);
      });
      inside.importScripts = async (...sources) => { for (const source of sources) await load(source); };
      inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", {data}));
      this.loaded = load(String(url));
    }
    async postMessage(data) {
      await this.loaded;
      this.inside.dispatchEvent(new this.inside.MessageEvent("message", {data}));
    }
    terminate() { this.inside.frameElement.remove(); }
  };
  window.Worker = window.IFrameWorker;
}
