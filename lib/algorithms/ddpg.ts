/**
 * DDPG: TD3 with one critic, no noise on target actions, and an update of the actor with every update of the critic.
 * Lillicrap et al., "Continuous control with deep reinforcement learning" (arXiv 1509.02971). How the code follows the paper:
 * docs/algorithms/ddpg.md.
 */
import { defineAlgorithm } from './algorithm.js'
import { requireRaw } from './experience.js'
import { Td3, td3Metrics, td3Presets, td3Settings } from './td3.js'

const paper = 'paper'

export const ddpg = defineAlgorithm({
  name: 'ddpg',
  summary: 'Deep Deterministic Policy Gradient: learns a single policy from transitions, by ascending a critic',
  paper: 'Lillicrap et al. 2016, Continuous control with deep reinforcement learning, https://arxiv.org/abs/1509.02971',
  settings: {
    ...td3Settings,
    critics: { ...td3Settings.critics, default: 1, source: paper },
    policyDelay: { ...td3Settings.policyDelay, default: 1, source: paper },
    targetNoise: { ...td3Settings.targetNoise, default: 0, source: paper },
  },
  presets: td3Presets,
  control: { actorLearningRate: 0, criticLearningRate: 0 },
  metrics: td3Metrics,
  phases: ['learn'],
  takesCommands: false,
  check: requireRaw,
  create: (context) => new Td3(context),
})
