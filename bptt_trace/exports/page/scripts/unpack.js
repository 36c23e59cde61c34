// A packed page: its sheet and its engine stand deflated in the file, which makes it a third of the size.
(async () => {
  const bytes = Uint8Array.from(atob(document.getElementById("packed").textContent), sign => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const [body, code] = (await new Response(stream).text()).split("\0");
  const script = document.createElement("script");
  script.textContent = code;
  document.body.innerHTML = body;
  document.body.append(script);
})();
