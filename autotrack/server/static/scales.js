// From values to pixels, and where to put the ticks of an axis.

export function scale(domain, range, log = false) {
  const f = log ? Math.log10 : (value) => value;
  const [low, high] = domain.map(f);
  const span = high - low || 1;
  const forward = (value) => range[0] + ((f(value) - low) / span) * (range[1] - range[0]);
  const invert = (pixel) => {
    const value = low + ((pixel - range[0]) / (range[1] - range[0] || 1)) * span;
    return log ? 10 ** value : value;
  };
  return Object.assign(forward, { invert, domain, range, log });
}

// Round values: 1, 2 or 5 times a power of ten; on a log axis the powers themselves where there are several.
export function ticks([low, high], count, log = false) {
  if (log) {
    const powers = [];
    for (let power = Math.ceil(Math.log10(low) - 1e-9); 10 ** power <= high * (1 + 1e-9); power++) powers.push(10 ** power);
    if (powers.length >= 2) {
      const every = Math.ceil(powers.length / count);
      return powers.filter((_, at) => at % every === 0);
    }
  }
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const rough = span / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const found = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step) found.push(Math.abs(value) < step * 1e-9 ? 0 : value);
  return found;
}

export function tickText(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
  if (size >= 10_000) return `${Number((value / 1000).toPrecision(4))}k`;
  return String(Number(value.toPrecision(6)));
}

export function clockText(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

export function lengthText(seconds) {
  const size = Math.abs(seconds);
  if (size < 120) return `${Number(seconds.toPrecision(3))} s`;
  return size < 7200 ? `${Number((seconds / 60).toPrecision(3))} min` : `${Number((seconds / 3600).toPrecision(3))} h`;
}

// Least and greatest of the finite values; on a log axis of the positive ones.
export function extent(columns, log = false) {
  let low = Infinity;
  let high = -Infinity;
  for (const column of columns) {
    for (const value of column) {
      if (!Number.isFinite(value) || (log && value <= 0)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low > high ? null : [low, high];
}

export function padded([low, high], log = false, share = 0.05) {
  if (log) return low === high ? [low / 2, high * 2] : [low / (high / low) ** share, high * (high / low) ** share];
  const space = (high - low) * share || Math.abs(low) * 0.1 || 0.5;
  return [low - space, high + space];
}
