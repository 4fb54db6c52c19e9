// Addresses of MLflow's own page, such as its clients print them, lead to the same thing here.
const PAGES = [
  [/^#\/experiments\/[^/]+\/runs\/([0-9a-f]{32})\/artifact/, (run) => `/runs/${run}/files`],
  [/^#\/experiments\/[^/]+\/runs\/([0-9a-f]{32})\/model-metrics/, (run) => `/runs/${run}/charts`],
  [/^#\/experiments\/[^/]+\/runs\/([0-9a-f]{32})\/system-metrics/, (run) => `/runs/${run}/system`],
  [/^#\/experiments\/[^/]+\/runs\/([0-9a-f]{32})/, (run) => `/runs/${run}`],
  [/^#\/experiments\/(\d{1,18})(?:[/?]|$)/, (number) => `/experiments/${number}`],
  [/^#\/models\/([^/?]+)\/versions\/(\d+)/, (name, version) => `/models/${name}/${version}`],
  [/^#\/models\/([^/?]+)/, (name) => `/models/${name}`],
  [/^#\/models/, () => "/models"],
];

export function followMlflowAddresses() {
  const follow = () => {
    const found = PAGES.map(([pattern, place]) => [location.hash.match(pattern), place]).find(([match]) => match);
    if (found) location.replace(found[1](...found[0].slice(1)));
  };
  addEventListener("hashchange", follow);
  follow();
}
