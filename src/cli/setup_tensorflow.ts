#!/usr/bin/env node
import {setupCommand} from './setup.js';

await setupCommand('tfjs-adversarial-setup').parseAsync();
