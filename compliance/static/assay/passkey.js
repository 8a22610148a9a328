/* Passkeys: asks the browser for one and sends the answer with the form. Without scripts the other ways remain.

   <form data-passkey="get|create" data-options='{"publicKey": …}' or data-from="/address/of/the/options/"
         data-failed="what to say when nothing came of it"> with a hidden field named credential. */
(() => {
  "use strict";
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const words = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");

  /* The server's options with bytes where the browser wants bytes. */
  const readable = (options) => {
    const key = { ...options.publicKey, challenge: bytes(options.publicKey.challenge) };
    if (key.user) key.user = { ...key.user, id: bytes(key.user.id) };
    for (const list of ["allowCredentials", "excludeCredentials"]) {
      if (key[list]) key[list] = key[list].map((one) => ({ ...one, id: bytes(one.id) }));
    }
    return { publicKey: key };
  };

  /* The browser's answer as the server reads it. */
  const sendable = (credential) => {
    const response = {};
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[part]) response[part] = words(credential.response[part]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return {
      id: credential.id,
      rawId: words(credential.rawId),
      type: credential.type,
      response,
      clientExtensionResults: credential.getClientExtensionResults(),
    };
  };

  const optionsOf = async (form) => {
    if (form.dataset.options) return JSON.parse(form.dataset.options);
    const answer = await fetch(form.dataset.from, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return (await answer.json()).request_options;
  };

  const asked = async (form) => {
    const options = readable(await optionsOf(form));
    if (form.dataset.passkey === "get") return navigator.credentials.get(options);
    const alone = form.querySelector("[name=passwordless]")?.checked ?? false;
    Object.assign(options.publicKey.authenticatorSelection, {
      residentKey: alone ? "required" : "discouraged",
      requireResidentKey: alone,
      ...(alone ? { userVerification: "required" } : {}),
    });
    return navigator.credentials.create(options);
  };

  const say = (form, text) => {
    let place = form.querySelector("[data-passkey-said]");
    if (!place) {
      place = document.createElement("p");
      place.className = "field-error";
      place.dataset.passkeySaid = "";
      place.setAttribute("role", "alert");
      form.append(place);
    }
    place.textContent = text;
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-passkey]");
    if (!form) return;
    event.preventDefault();
    try {
      const credential = await asked(form);
      form.querySelector("[name=credential]").value = JSON.stringify(sendable(credential));
    } catch {
      say(form, form.dataset.failed); // refused, timed out, or this browser has no passkeys
      return;
    }
    form.submit();
  });
})();
