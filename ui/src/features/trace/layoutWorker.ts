// Works out a graph's layout beside the page: hundreds of steps take a second, in which keys and clicks are answered.

import { placed, type Asked } from './layout';

addEventListener('message', ({ data }: MessageEvent<Asked>) => {
  postMessage(placed(data));
});
