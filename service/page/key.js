// The dialog where somebody types an API key.

import { at } from "./dom.js";

export class KeyDialog {
  /**
   * @param {Api} api which sends it
   * @param {() => Promise<void>} tried use it; raises where the server does not take it
   * @param {() => void} done go on, once it is in use
   */
  constructor(api, tried, done) {
    this.api = api;
    this.dialog = at("key-dialog");
    at("key-button").addEventListener("click", () => this.open());
    at("key-cancel").addEventListener("click", () => this.dialog.close());
    at("key-forget").addEventListener("click", () => {
      api.key = "";
      this.dialog.close();
      location.reload();
    });
    at("key-form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const before = api.key;
      try {
        // A header takes nothing else
        if (!/^[\x21-\x7e]+$/.test(at("key").value.trim())) throw new Error("A key is made of visible ASCII characters.");
        api.key = at("key").value.trim();
        await tried();
        this.dialog.close();
        done();
      } catch (error) {
        api.key = before;
        at("key-fault").textContent = error.status === 401 ? "The server does not know this key." : error.message;
        at("key-fault").hidden = false;
        at("key").focus();
      }
    });
  }

  open() {
    at("key").value = "";
    at("key-fault").hidden = true;
    at("key-forget").hidden = !this.api.key;
    at("key-why").textContent = this.api.key
      ? "A key is in use."
      : "This server answers those who have a key, and lets them correct words.";
    this.dialog.showModal();
  }
}
