import { render } from 'preact';
import { App } from './app.tsx';
import { applyTheme } from './theme.ts';
import 'uplot/dist/uPlot.min.css';
import './style/tokens.css';
import './style/base.css';
import './style/shell.css';
import './style/parts.css';
import './style/data.css';

applyTheme();
const place = document.querySelector('#console');
if (place !== null) render(<App />, place);
