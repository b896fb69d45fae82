"""Records tasks with non-default options. recordings/<task>-options.safetensors changes most options of a task;
recordings/<task>-others.safetensors covers other combinations.

    python record_options.py recordings
"""
import subprocess
import sys
from pathlib import Path

walking = ["forward_reward_weight=1.7", "healthy_reward=2.5", "terminate_when_unhealthy=false",
           "exclude_current_positions_from_observation=false"]
gliding = ["forward_reward_weight=-0.6", "ctrl_cost_weight=0.03", "reset_noise_scale=0.2",
           "exclude_current_positions_from_observation=false"]
hopper = [*walking, "ctrl_cost_weight=0.02", "healthy_state_range=-3,2.5", "healthy_z_range=1.1,1.24",
          "healthy_angle_range=-0.05,0.04", "reset_noise_scale=0.02"]
walker = [*walking, "ctrl_cost_weight=0.02", "healthy_z_range=1.1,1.24", "healthy_angle_range=-0.05,0.04",
          "reset_noise_scale=0.02"]
humanoid = ["ctrl_cost_weight=0.3", "reset_noise_scale=0.05", "exclude_current_positions_from_observation=false",
            "frame_skip=3"]
tasks = {
    "MountainCarContinuous-v0": ["goal_velocity=0.02"],
    "InvertedPendulum-v5": ["frame_skip=3", "reset_noise_scale=0.1"],
    "InvertedDoublePendulum-v5": ["frame_skip=2", "healthy_reward=3.5", "reset_noise_scale=0.05"],
    "Swimmer-v5": [*gliding, "frame_skip=7"],
    "Swimmer-v4": gliding,
    "Hopper-v5": [*hopper, "frame_skip=2"],
    "Hopper-v4": hopper,
    "HalfCheetah-v5": [*gliding, "frame_skip=2"],
    "HalfCheetah-v4": gliding,
    "Walker2d-v5": [*walker, "frame_skip=3"],
    "Walker2d-v4": walker,
    "Ant-v5": [*walking, "ctrl_cost_weight=0.2", "contact_cost_weight=0.01", "main_body=3", "healthy_z_range=0.6,0.75",
               "contact_force_range=-0.5,2", "reset_noise_scale=0.05", "include_cfrc_ext_in_observation=false",
               "frame_skip=3"],
    "Humanoid-v5": [*humanoid, "forward_reward_weight=2", "contact_cost_weight=1e-4", "contact_cost_range=0.5,20",
                    "healthy_reward=3", "terminate_when_unhealthy=false", "healthy_z_range=1.3,1.4",
                    "include_cinert_in_observation=false", "include_cfrc_ext_in_observation=false"],
    "HumanoidStandup-v5": [*humanoid, "impact_cost_weight=1e-4", "impact_cost_range=-inf,30",
                           "include_cvel_in_observation=false", "include_qfrc_actuator_in_observation=false"],
    "Reacher-v5": ["frame_skip=4", "reward_dist_weight=2.5", "reward_control_weight=0.3"],
    "Pusher-v5": ["frame_skip=3", "reward_near_weight=0.9", "reward_dist_weight=1.6", "reward_control_weight=0.3"],
    "Pendulum-v1": ["g=3.7"],
    "CartPole-v1": ["sutton_barto_reward=true"],
    "MountainCar-v0": ["goal_velocity=0.03"],
}

others = {
    "Hopper-v5": ["healthy_reward=2.5", "healthy_z_range=1.1,1.24"],
    "Hopper-v4": ["healthy_reward=2.5", "healthy_z_range=1.1,1.24"],
    "Walker2d-v4": ["healthy_reward=2.5", "healthy_angle_range=-0.05,0.04"],
    "Ant-v5": ["healthy_reward=2.5", "healthy_z_range=0.6,0.75"],
    "Humanoid-v5": ["include_cvel_in_observation=false", "include_qfrc_actuator_in_observation=false"],
    "HumanoidStandup-v5": ["include_cinert_in_observation=false", "include_cfrc_ext_in_observation=false"],
}


def record(task: str, options: list[str], out: str) -> None:
    steps = 24 if task.startswith("Humanoid") else 60
    subprocess.run([sys.executable, Path(__file__).with_name("record_gymnasium.py"), task, "--steps", str(steps),
                    "--seed", "3", "--hold", "2", "--scale", "1.2",
                    *(word for option in options for word in ("--option", option)),
                    "--out", Path(sys.argv[1]) / out], check=True)


for task, options in tasks.items():
    record(task, options, f"{task}-options.safetensors")
for task, options in others.items():
    record(task, options, f"{task}-others.safetensors")
